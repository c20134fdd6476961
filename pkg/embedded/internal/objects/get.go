package objects

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"

	"net/http"

	"github.com/rclone/gofakes3"
)

// GetObject opens an object, or a range of it. The object stays as it was
// opened, even when it is replaced or deleted during the read.
func (s *Store) GetObject(_ context.Context, bucket, key string, requested *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	file, r, err := s.open(bucket, key)
	if err != nil {
		return nil, err
	}
	span, err := requested.Range(r.Size)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	object := r.object()
	object.Range = span
	if span == nil {
		span = &gofakes3.ObjectRange{Length: r.Size}
	}
	object.Contents = section{io.NewSectionReader(file, span.Start, span.Length), file}
	return object, nil
}

// HeadObject returns what is known of an object, without its bytes.
func (s *Store) HeadObject(_ context.Context, bucket, key string) (*gofakes3.Object, error) {
	file, r, err := s.open(bucket, key)
	if err != nil {
		return nil, err
	}
	object := r.object()
	object.Contents = io.NopCloser(strings.NewReader(""))
	return object, file.Close()
}

// section is a part of a file that closes the file.
type section struct {
	*io.SectionReader
	file *os.File
}

// Close implements io.Closer.
func (s section) Close() error { return s.file.Close() }

// open opens the file of a key. On a file system that folds upper and lower
// case, the name of one key finds the file of another; its record tells.
func (s *Store) open(bucket, key string) (*os.File, record, error) {
	path, err := s.object(bucket, key)
	if err != nil {
		return nil, record{}, err
	}
	file, r, err := openObject(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, record{}, gofakes3.KeyNotFound(key)
	}
	if err == nil && r.Key != key {
		_ = file.Close()
		return nil, record{}, gofakes3.KeyNotFound(key)
	}
	return file, r, err
}

// object returns the record as the S3 server wants it.
func (r *record) object() *gofakes3.Object {
	metadata := maps.Clone(r.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata["Last-Modified"] = r.Modified.Format(http.TimeFormat)
	return &gofakes3.Object{Name: r.Key, Metadata: metadata, Size: r.Size, Hash: r.MD5, PartSizes: r.Parts}
}
