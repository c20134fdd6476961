package s3

import (
	"bufio"
	"context"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/loquent/callstream/schema"
)

const (
	// maxPut is the largest body of one request at Amazon. Four hours of
	// uncompressed two-channel speech are a tenth of it.
	maxPut = 5 << 30
	// partSize is the memory that a body of unknown length takes, and the
	// smallest part that Amazon accepts; 10,000 of them are 48 GiB.
	partSize = 5 << 20
)

// Put stores body under key and returns what it stored, with the SHA-256 that
// it computed on the way. Size is the body's length in bytes, or -1 when it is
// not known. Put reads body to its end, not after it has returned, and does not
// close it.
//
// Errors: schema.Corrupt when body ends before or goes on after size;
// schema.Invalid for an impossible key or more than 5 GiB; the error of body,
// wrapped, with its own code; otherwise as classify says. After any of them
// the key is what it was before.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error) {
	if err := checkKey(key); err != nil {
		return schema.Object{}, err
	}
	if size > maxPut {
		return schema.Object{}, schema.Errorf(schema.Invalid, "put %s: %d bytes are more than S3 takes in one request", key, size)
	}
	start, src := time.Now(), newSource(body, size)
	putErr := s.put(ctx, key, src, contentType)
	// The client may return while its connection still reads.
	if err := src.stop(); err != nil {
		s.metrics.count("put", start, outcomeBody)
		return schema.Object{}, sourceError(key, err) // first: it is the cause of what the client saw
	}
	err := s.classify("put "+key, putErr)
	if err == nil && !src.ended {
		err = schema.Errorf(schema.Corrupt, "put %s: only the first %d bytes were stored", key, src.read)
	}
	s.metrics.observe("put", start, err)
	if err != nil {
		return schema.Object{}, err
	}
	return schema.Object{URL: s.URL(key), Key: key, Size: src.read, SHA256: src.sum()}, nil
}

func (s *Store) put(ctx context.Context, key string, src *source, contentType string) error {
	body, size, err := begin(src)
	if err != nil {
		return err
	}
	_, err = s.core.Client.PutObject(ctx, s.bucket, key, body, size, minio.PutObjectOptions{
		ContentType:      contentType,
		PartSize:         partSize,
		DisableMultipart: size >= 0,
	})
	return err //nolint:wrapcheck // Put does
}

// begin looks whether src is empty: the client never reads a body of announced
// length zero, and servers refuse an upload whose only part is empty.
func begin(src *source) (io.Reader, int64, error) {
	if src.size > 0 {
		return src, src.size, nil
	}
	body := bufio.NewReader(src)
	_, err := body.Peek(1)
	if err == io.EOF { //nolint:errorlint // the source's own
		return body, 0, nil
	}
	return body, src.size, err //nolint:wrapcheck // the source's own
}
