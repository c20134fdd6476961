package objects

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rclone/gofakes3"
)

// DeleteObject removes an object, durably; that there is none is no error.
func (s *Store) DeleteObject(_ context.Context, bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	return gofakes3.ObjectDeleteResult{}, s.remove(bucket, key)
}

// DeleteMulti removes several objects and tells for each how it went.
func (s *Store) DeleteMulti(_ context.Context, bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var result gofakes3.MultiDeleteResult
	for _, key := range keys {
		if err := s.remove(bucket, key); err != nil {
			failed := gofakes3.ErrorResultFromError(err)
			failed.Key = key
			result.Error = append(result.Error, failed)
			continue
		}
		result.Deleted = append(result.Deleted, gofakes3.ObjectID{Key: key})
	}
	return result, nil
}

func (s *Store) remove(bucket, key string) error {
	file, _, err := s.open(bucket, key)
	switch {
	case gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey), gofakes3.HasErrorCode(err, gofakes3.ErrKeyTooLong):
		return nil // nothing of that key can be there
	case errors.Is(err, errDamaged):
	case err != nil:
		return err
	default:
		_ = file.Close()
	}
	path, err := s.object(bucket, key)
	if err != nil {
		return err
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	removeEmpty(filepath.Join(s.buckets(), bucket), filepath.Dir(path))
	return nil
}
