package embeddedtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/loquent/callstream/pkg/embedded"
)

// Folders of running test binaries are locked and bear the first name; those
// that are being made, the second.
const (
	usedFolders  = "callstream-test-"
	freshFolders = "callstream-fresh-"
)

// folder is where the servers of this test binary live. The lock tells other
// test binaries so; the kernel gives it back when the process ends.
type folder struct {
	dir  string
	lock *embedded.DirLock
}

// newFolder makes the folder, after removing those whose process has died.
func newFolder() (folder, error) {
	if err := sweep(); err != nil {
		return folder{}, err
	}
	fresh, err := os.MkdirTemp("", freshFolders)
	if err != nil {
		return folder{}, err
	}
	lock, err := embedded.Lock(fresh) // before it bears the name that others sweep
	if err != nil {
		return folder{}, err
	}
	used := filepath.Join(os.TempDir(), usedFolders+filepath.Base(fresh)[len(freshFolders):])
	return folder{dir: used, lock: lock}, os.Rename(fresh, used)
}

// sweep removes the folders of dead test binaries.
func sweep() error {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), usedFolders+"*"))
	if err != nil {
		return fmt.Errorf("list old folders: %w", err)
	}
	for _, dir := range left {
		lock, err := embedded.Lock(dir)
		if err != nil {
			continue // in use, or another user's
		}
		_ = errors.Join(os.RemoveAll(dir), lock.Unlock()) // the next binary tries again
	}
	return nil
}
