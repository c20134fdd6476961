package objects

import (
	"context"
	"crypto/md5" //nolint:gosec // S3 defines the ETag by it
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rclone/gofakes3"
)

// PutObject stores an object. It returns when the object is durable; before
// that, readers see what was there. A body of another length than announced
// is refused.
func (s *Store) PutObject(ctx context.Context, bucket, key string, metadata map[string]string, body io.Reader, size int64) (gofakes3.PutObjectResult, error) {
	w, err := s.write(bucket, key)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	defer w.discard()
	n, err := io.Copy(w, body)
	if errors.Is(err, io.ErrUnexpectedEOF) || (err == nil && size >= 0 && n != size) {
		err = gofakes3.ErrIncompleteBody
	}
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	return gofakes3.PutObjectResult{}, w.commit(ctx, record{Key: key, Metadata: metadata})
}

// CopyObject stores a copy of an object under another key, with the given
// metadata.
func (s *Store) CopyObject(ctx context.Context, fromBucket, fromKey, toBucket, toKey string, metadata map[string]string) (gofakes3.CopyObjectResult, error) {
	file, r, err := s.open(fromBucket, fromKey)
	if err != nil {
		return gofakes3.CopyObjectResult{}, err
	}
	defer file.Close()
	if _, err := s.PutObject(ctx, toBucket, toKey, metadata, io.NewSectionReader(file, 0, r.Size), r.Size); err != nil {
		return gofakes3.CopyObjectResult{}, err
	}
	return gofakes3.CopyObjectResult{ETag: etag(r.MD5), LastModified: gofakes3.NewContentTime(now())}, nil
}

// writer is an object file that has no place yet.
type writer struct {
	store  *Store
	bucket string // its folder
	path   string // where the file will be
	file   *os.File
	md5    hash.Hash
	size   int64
}

// write begins a file for a key.
func (s *Store) write(bucket, key string) (*writer, error) {
	path, err := s.object(bucket, key)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(s.writing(), "*"+suffix)
	if err != nil {
		return nil, err
	}
	return &writer{
		store: s, bucket: filepath.Join(s.buckets(), bucket), path: path,
		file: file, md5: md5.New(), //nolint:gosec // as above
	}, nil
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	w.md5.Write(p[:n])
	w.size += int64(n)
	return n, err
}

// discard removes what was not committed.
func (w *writer) discard() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// commit completes the record, syncs the file, gives it its place and syncs
// that. The order is the promise of this package.
func (w *writer) commit(ctx context.Context, r record) error {
	r.Size, r.MD5, r.Modified = w.size, w.md5.Sum(nil), now()
	delete(r.Metadata, "Last-Modified")
	if err := r.append(w.file); err != nil {
		return err
	}
	if err := errors.Join(w.file.Sync(), w.file.Close()); err != nil {
		return err
	}
	dir, err := w.place(ctx, r.Key)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// place renames the file to its place and returns the folder, still to be
// synced.
func (w *writer) place(ctx context.Context, key string) (*os.File, error) {
	w.store.placing.Lock()
	defer w.store.placing.Unlock()
	if _, err := os.Stat(w.bucket); err != nil {
		return nil, gofakes3.BucketNotFound(filepath.Base(w.bucket))
	}
	if err := w.mayReplace(ctx, key); err != nil {
		return nil, err
	}
	if err := w.store.makeDir(filepath.Dir(w.path)); err != nil {
		return nil, err
	}
	if err := os.Rename(w.file.Name(), w.path); err != nil {
		return nil, err
	}
	return os.Open(filepath.Dir(w.path))
}

// mayReplace checks the request's conditions (If-Match, If-None-Match)
// against the object of that key now.
func (w *writer) mayReplace(ctx context.Context, key string) error {
	file, current, err := openObject(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return gofakes3.CheckWriteConditions(ctx, false, "")
	}
	if errors.Is(err, errDamaged) {
		return nil // whoever writes it again heals it
	}
	if err != nil {
		return err
	}
	_ = file.Close()
	if current.Key != key {
		return fmt.Errorf("object %q has the place of %q: this file system folds upper and lower case", current.Key, key)
	}
	return gofakes3.CheckWriteConditions(ctx, true, etag(current.MD5))
}

func etag(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }
