package embedded

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The store may grow to three quarters of the disk that it could have, so that
// the database and the recordings keep room, and to 256 GiB at most.
const maxStore = 256 << 30

// storeLimit returns the bytes that streams in dir may take. What they take
// already counts as room, or the limit would shrink from start to start.
func storeLimit(dir string) (int64, error) {
	free, err := freeSpace(dir)
	if err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	used, err := usedSpace(dir)
	if err != nil {
		return 0, fmt.Errorf("used space of %s: %w", dir, err)
	}
	return min((free+used)/4*3, maxStore), nil
}

// freeSpace returns the bytes that an ordinary user may still write.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:unconvert // the types differ by system
}

// usedSpace returns the bytes of all files under dir.
func usedSpace(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		return nil
	})
	return total, err
}
