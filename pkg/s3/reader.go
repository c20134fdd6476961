package s3

import (
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/loquent/callstream/schema"
)

// Open returns the object at key for reading at any offset, as
// [http.ServeContent] does to answer Range requests. Each Read after a Seek
// elsewhere is one request for the rest of the object; seeking alone sends
// nothing. Ctx bounds all of it. The reader is not safe for concurrent use,
// and the caller closes it. Errors as [Store.Stat]; should the object be
// replaced meanwhile, reading ends in schema.Conflict rather than mix the two.
func (s *Store) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	info, err := s.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return &reader{store: s, ctx: ctx, key: key, info: info}, nil
}

// reader reads one version of an object. Its context is the one it was opened
// with, since io.Reader has none.
type reader struct {
	store  *Store
	ctx    context.Context
	key    string
	info   Info
	offset int64
	rest   io.ReadCloser // from offset on; nil until read
}

func (r *reader) Read(p []byte) (int, error) {
	if r.offset >= r.info.Size {
		return 0, io.EOF
	}
	if r.rest == nil {
		rest, err := r.from(r.offset)
		if err != nil {
			return 0, err
		}
		r.rest = rest
	}
	n, err := r.rest.Read(p)
	r.offset += int64(n)
	return n, err //nolint:wrapcheck // classified by body
}

// from requests the object from offset to its end.
func (r *reader) from(offset int64) (rest io.ReadCloser, err error) {
	defer func(start time.Time) { r.store.metrics.observe("get", start, err) }(time.Now())
	var opts minio.GetObjectOptions
	if err := opts.SetMatchETag(r.info.etag); err != nil {
		return nil, r.store.classify("read "+r.key, err)
	}
	if offset > 0 {
		if err := opts.SetRange(offset, 0); err != nil {
			return nil, r.store.classify("read "+r.key, err)
		}
	}
	b, _, header, err := r.store.core.GetObject(r.ctx, r.store.bucket, r.key, opts)
	if err != nil {
		return nil, r.store.classify("read "+r.key, err)
	}
	if offset > 0 && header.Get("Content-Range") == "" {
		_ = b.Close()
		return nil, schema.Errorf(schema.Internal, "read %s: the server does not answer range requests", r.key)
	}
	return &body{ReadCloser: b, store: r.store, key: r.key}, nil
}

// Seek moves to offset; a position before the object's start is an error.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.info.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return r.offset, schema.Errorf(schema.Invalid, "seek in %s to %d", r.key, offset)
	}
	if offset != r.offset {
		_ = r.Close()
		r.offset = offset
	}
	return offset, nil
}

// Close ends the transfer under way, if there is one.
func (r *reader) Close() error {
	if r.rest == nil {
		return nil
	}
	err := r.rest.Close()
	r.rest = nil
	return err //nolint:wrapcheck // nothing to add
}
