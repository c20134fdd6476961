package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/schema"
)

const audioType = "audio/mpeg"

// noise is n bytes that do not compress and differ by seed.
func noise(seed byte, n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

func noiseBytes(seed byte, n int64) []byte {
	b, _ := io.ReadAll(noise(seed, n))
	return b
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// put stores b and fails the test when that does not work.
func put(t testing.TB, store *s3.Store, key string, b []byte) schema.Object {
	t.Helper()
	o, err := store.Put(t.Context(), key, bytes.NewReader(b), int64(len(b)), audioType)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// holds checks what is stored at key; nil means nothing.
func holds(t testing.TB, store *s3.Store, key string, want []byte) {
	t.Helper()
	r, size, err := store.Get(t.Context(), key)
	if want == nil {
		if schema.CodeOf(err) != schema.NotFound {
			t.Errorf("%s: got %v, want none there", key, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || size != int64(len(want)) || !bytes.Equal(got, want) {
		t.Errorf("%s: %d of %d bytes, %v; want %d", key, len(got), size, err, len(want))
	}
}

func wantCode(t testing.TB, err error, want schema.Code) {
	t.Helper()
	if got := schema.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

// readerFunc is a body whose reads are up to the test.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// roundTripper is a server as the test makes it up.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is a server that says the same to everything.
func answer(status int, header http.Header, text string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		if header == nil {
			header = http.Header{}
		}
		return &http.Response{
			StatusCode: status, Header: header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
			ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader([]byte(text))),
		}, nil
	}
}

// open opens a store on a made-up server that has the bucket.
func open(t testing.TB, server roundTripper) *s3.Store {
	t.Helper()
	store, err := s3.Open(t.Context(), s3.Config{
		Endpoint: "https://s3.example.test", Bucket: "recordings", AccessKey: "key", SecretKey: "secret",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodHead && r.URL.Path == "/recordings/" {
				return answer(http.StatusOK, nil, "")(r)
			}
			return server(r)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func cancelled(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
