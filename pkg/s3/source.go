package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/loquent/callstream/schema"
)

// source is a body on its way into the bucket: it counts, hashes, and holds
// the body to its announced length.
//
// Order matters: the last bytes are handed on only when the body has been seen
// to end with them. A request that lacks them is one that the server drops; a
// complete request whose body turned out to go on would already be an object.
type source struct {
	body io.Reader
	size int64 // announced; -1: unknown

	mu      sync.Mutex // a connection can read on after its request has failed
	stopped bool
	read    int64
	hash    hash.Hash
	ended   bool  // the body was read to its end, and it was where it should be
	err     error // what was wrong with the body
}

func newSource(body io.Reader, size int64) *source {
	return &source{body: body, size: size, hash: sha256.New()}
}

// Read reads the body. Its errors are new ones: minio-go takes an
// io.ErrUnexpectedEOF, which is what a broken download ends in, for a regular
// end, and would complete the object.
func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopped:
		return 0, io.ErrClosedPipe
	case s.err != nil:
		return 0, s.err
	case s.ended:
		return 0, io.EOF
	}
	n, err := s.body.Read(p)
	s.read += int64(n)
	s.hash.Write(p[:n])
	if err == nil && s.read == s.size {
		err = s.overrun()
	}
	s.judge(err)
	switch {
	case s.err != nil:
		return 0, s.err
	case s.ended:
		return n, io.EOF
	}
	return n, nil
}

// stop returns once nothing reads the body any more, nor will, with what was
// wrong with it.
func (s *source) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	return s.err
}

// overrun reads on after the announced end: io.EOF is as it should be.
func (s *source) overrun() error {
	var extra [1]byte
	n, err := io.ReadFull(s.body, extra[:])
	s.read += int64(n)
	return err
}

// judge settles what the body's latest error, or its length so far, means.
// Only the bare io.EOF is a regular end.
func (s *source) judge(err error) {
	end := err == io.EOF //nolint:errorlint // a wrapped one is how some readers say that they broke off
	switch {
	case s.size >= 0 && s.read > s.size:
		s.err = schema.Errorf(schema.Corrupt, "the body goes on after the announced %d bytes", s.size)
	case end && s.size >= 0 && s.read < s.size:
		s.err = schema.Errorf(schema.Corrupt, "the body ends after %d of the announced %d bytes", s.read, s.size)
	case end:
		s.ended = true
	case err != nil:
		s.err = fmt.Errorf("read the body after %d bytes: %w", s.read, err)
	}
}

func (s *source) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }

// sourceError gives an error of the body's the code that it came with, and one
// without a code schema.Unavailable: a stream that broke can be fetched again.
func sourceError(key string, err error) error {
	var coded *schema.Error
	if errors.As(err, &coded) {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return schema.Errorf(schema.Unavailable, "put %s: %w", key, err)
}
