package s3_test

import (
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"testing/iotest"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

// overTLS opens a bucket through https, where the client signs no body but
// sends it as it comes. Stop ends the connection and returns when the server
// has settled every request.
func overTLS(t testing.TB) (secure, direct *s3.Store, stop func()) {
	t.Helper()
	config := s3test.Config(t)
	direct, err := s3.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	behind, err := url.Parse(config.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(behind))
	t.Cleanup(front.Close)
	config.Endpoint, config.Transport = front.URL, front.Client().Transport
	secure, err = s3.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return secure, direct, front.Close
}

func TestPutOverTLS(t *testing.T) {
	t.Parallel()
	store, direct, _ := overTLS(t)
	for key, size := range map[string]int64{"empty": 0, "short": 70_001, "long": 11<<20 + 3} {
		want := noiseBytes(1, size)
		object := put(t, store, key, want)
		if err := store.Verify(t.Context(), object); err != nil {
			t.Error(err)
		}
		holds(t, direct, key, want)
	}
}

// The request must break before its body is complete, not after: the length
// is all that the server goes by.
func TestPutOverTLSRefusesOtherLengths(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func(int64) io.Reader{
		"shorter":            func(n int64) io.Reader { return noise(1, n-1) },
		"longer":             func(n int64) io.Reader { return noise(1, n+1) },
		"longer, in a piece": func(n int64) io.Reader { return io.MultiReader(noise(1, n), noise(2, 1)) },
		"longer, by bytes":   func(n int64) io.Reader { return iotest.OneByteReader(noise(1, n+1)) },
		"broken at its end":  func(n int64) io.Reader { return io.MultiReader(noise(1, n), iotest.ErrReader(io.ErrUnexpectedEOF)) },
	} {
		for _, size := range []int64{1, 50_000} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				store, direct, stop := overTLS(t)
				_, err := store.Put(t.Context(), "key", body(size), size, audioType)
				if code := schema.CodeOf(err); code != schema.Corrupt && code != schema.Unavailable {
					t.Errorf("got %v", err)
				}
				stop()
				holds(t, direct, "key", nil)
			})
		}
	}
}
