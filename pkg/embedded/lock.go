package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/loquent/callstream/schema"
)

// DirLock is the hold of this process on a data folder. The kernel releases
// it when the process dies, however it dies.
type DirLock struct{ file *os.File }

// Lock creates dir where it is missing and takes it for this process. When
// another process holds it, the error has the code [schema.Conflict] and names
// that process.
func Lock(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the operator names the folder
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // as above
	if err != nil {
		return nil, fmt.Errorf("open lock of %s: %w", dir, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held(dir, file)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := writePID(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("write lock of %s: %w", dir, err)
	}
	return &DirLock{file: file}, nil
}

// Unlock gives the folder back. The file stays: removing it would let two
// processes hold locks on two files of one name.
func (l *DirLock) Unlock() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("unlock %s: %w", filepath.Dir(l.file.Name()), err)
	}
	return nil
}

// held tells who has the folder. The holder may not have written its number
// yet, or be on another machine that shares the disk.
func held(dir string, file io.Reader) error {
	who := "another callstream"
	if text, err := io.ReadAll(io.LimitReader(file, 32)); err == nil {
		if pid := strings.TrimSpace(string(text)); pid != "" {
			who += " (pid " + pid + ")"
		}
	}
	return schema.Errorf(schema.Conflict, "%s uses %s; stop it or choose another folder with --data", who, dir)
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}
