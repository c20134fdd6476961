package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// The store may grow to three quarters of the disk that it could have, so that
// the database and the recordings keep room, and to 256 GiB at most.
const maxStore = 256 << 30

// storeLimit returns the bytes that streams in dir may take. What they take
// already counts as room. The limit never shrinks from start to start: streams
// have parts of it promised, and JetStream refuses even to change the
// description of a stream whose part no longer fits.
func storeLimit(dir string) (int64, error) {
	free, err := freeSpace(dir)
	if err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	used, err := usedSpace(dir)
	if err != nil {
		return 0, fmt.Errorf("used space of %s: %w", dir, err)
	}
	path := filepath.Join(dir, "limit")
	limit := min((free+used)/4*3, maxStore)
	if promised := readLimit(path); promised >= limit {
		return promised, nil
	}
	if err := writeFileSync(path, strconv.AppendInt(nil, limit, 10), 0o600); err != nil {
		return 0, fmt.Errorf("write store limit: %w", err)
	}
	return limit, nil
}

// readLimit returns the limit of earlier starts, zero when there is none.
func readLimit(path string) int64 {
	text, err := os.ReadFile(path) //nolint:gosec // below the data folder
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0
	}
	return limit
}

// freeSpace returns the bytes that an ordinary user may still write.
func freeSpace(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("statfs: %w", err)
	}
	return int64(stat.Bavail) * int64(stat.Bsize), nil //nolint:gosec,unconvert // the types differ by system
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
