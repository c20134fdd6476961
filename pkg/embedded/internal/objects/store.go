package objects

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rclone/gofakes3"
)

// Store keeps buckets of objects below one folder. It implements
// gofakes3.Backend and gofakes3.MultipartBackend.
type Store struct {
	root string

	// placing orders what changes names: two writers of a key with a
	// condition, and a writer that makes a folder with a remover that finds
	// it empty. Bytes are written and synced outside of it.
	placing sync.Mutex
}

var (
	_ gofakes3.Backend          = (*Store)(nil)
	_ gofakes3.MultipartBackend = (*Store)(nil)
)

// Open opens the store at root, made where it is missing. What unfinished
// writes and uploads of an earlier process left is removed: their clients
// were never told of a success. One process at a time may open a root.
func Open(root string) (*Store, error) {
	s := &Store{root: root}
	for _, dir := range []string{s.writing(), s.parts()} {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fmt.Errorf("clear unfinished writes: %w", err)
		}
	}
	for _, dir := range []string{s.writing(), s.parts(), s.buckets()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("create object folder: %w", err)
		}
	}
	return s, nil
}

func (s *Store) buckets() string { return filepath.Join(s.root, "buckets") }
func (s *Store) parts() string   { return filepath.Join(s.root, "parts") }
func (s *Store) writing() string { return filepath.Join(s.root, "writing") }

// bucket returns the folder of a bucket that exists. Names of buckets are
// checked before they become paths.
func (s *Store) bucket(name string) (string, error) {
	dir := filepath.Join(s.buckets(), name)
	if gofakes3.ValidateBucketName(name) != nil {
		return "", gofakes3.BucketNotFound(name)
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.IsDir()) {
		return "", gofakes3.BucketNotFound(name)
	}
	return dir, err
}

// object returns the path of a key's file, whether or not it exists.
func (s *Store) object(bucket, key string) (string, error) {
	dir, err := s.bucket(bucket)
	if err != nil {
		return "", err
	}
	path, err := keyPath(key)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, path), nil
}

// makeDir makes a folder below root and syncs each name that it adds.
func (s *Store) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil || dir == s.root {
		return err
	}
	if err := s.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// removeEmpty removes dir and the folders above it that became empty, up to
// the bucket's.
func removeEmpty(bucket, dir string) {
	for ; dir != bucket; dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	file, err := os.Open(dir) //nolint:gosec // made by keyPath
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// now is cut to what HTTP headers can tell.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
