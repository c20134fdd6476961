package objects

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rclone/gofakes3"
)

// ListBuckets returns all buckets in the order of their names.
func (s *Store) ListBuckets(context.Context) ([]gofakes3.BucketInfo, error) {
	entries, err := os.ReadDir(s.buckets())
	if err != nil {
		return nil, err
	}
	var buckets []gofakes3.BucketInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || gofakes3.ValidateBucketName(entry.Name()) != nil {
			continue
		}
		buckets = append(buckets, gofakes3.BucketInfo{
			Name:         entry.Name(),
			CreationDate: gofakes3.NewContentTime(info.ModTime()),
		})
	}
	return buckets, nil
}

// CreateBucket makes a bucket, durably.
func (s *Store) CreateBucket(_ context.Context, name string) error {
	if err := gofakes3.ValidateBucketName(name); err != nil {
		return err
	}
	err := os.Mkdir(filepath.Join(s.buckets(), name), 0o700)
	if errors.Is(err, fs.ErrExist) {
		return gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, name)
	}
	if err != nil {
		return err
	}
	return syncDir(s.buckets())
}

// BucketExists reports whether there is such a bucket.
func (s *Store) BucketExists(_ context.Context, name string) (bool, error) {
	_, err := s.bucket(name)
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchBucket) {
		return false, nil
	}
	return err == nil, err
}

// DeleteBucket removes an empty bucket.
func (s *Store) DeleteBucket(ctx context.Context, name string) error {
	dir, err := s.bucket(name)
	if err != nil {
		return err
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	page, err := s.ListBucket(ctx, name, nil, gofakes3.ListBucketPage{MaxKeys: 1})
	if err != nil {
		return err
	}
	if len(page.Contents) > 0 {
		return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return syncDir(s.buckets())
}
