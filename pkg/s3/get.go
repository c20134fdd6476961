package s3

import (
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// Info is what the bucket knows of an object.
type Info struct {
	Size        int64 // bytes
	ContentType string
	ModifiedAt  time.Time
	etag        string // changes with the content
}

// Stat returns what the bucket knows of the object at key. Errors:
// schema.NotFound when there is none (schema.Unauthorized when the credentials
// may not list the bucket: Amazon then does not tell); otherwise as classify
// says.
func (s *Store) Stat(ctx context.Context, key string) (info Info, err error) {
	defer func(start time.Time) { s.metrics.observe("stat", start, err) }(time.Now())
	if err := checkKey(key); err != nil {
		return Info{}, err
	}
	o, err := s.core.Client.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.classify("stat "+key, err)
	}
	return Info{Size: o.Size, ContentType: o.ContentType, ModifiedAt: o.LastModified, etag: o.ETag}, nil
}

// Get returns the object at key and its size in bytes. The caller closes it. A
// body that breaks off ends in an error, never in io.EOF. Errors as
// [Store.Stat].
func (s *Store) Get(ctx context.Context, key string) (object io.ReadCloser, size int64, err error) {
	defer func(start time.Time) { s.metrics.observe("get", start, err) }(time.Now())
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	b, o, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, 0, s.classify("get "+key, err)
	}
	return &body{ReadCloser: b, store: s, key: key}, o.Size, nil
}

// Remove deletes the object at key. One that is not there is no error.
func (s *Store) Remove(ctx context.Context, key string) (err error) {
	defer func(start time.Time) { s.metrics.observe("remove", start, err) }(time.Now())
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.core.Client.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{}); err != nil {
		return s.classify("remove "+key, err)
	}
	return nil
}

// body gives the errors of a transfer their code.
type body struct {
	io.ReadCloser
	store *Store
	key   string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // only the bare io.EOF is a regular end
		err = b.store.classify("read "+b.key, err)
	}
	return n, err
}
