package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

func TestPut(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	for name, size := range map[string]int64{"empty": 0, "byte": 1, "short": 70_001, "over-a-part": 11<<20 + 3} {
		for way, announced := range map[string]int64{"announced": size, "unannounced": -1} {
			t.Run(name+"-"+way, func(t *testing.T) {
				t.Parallel()
				key := "org/2026/11/23/" + name + "-" + way + ".mp3"
				want := noiseBytes(1, size)
				// Readers give what they have: never count on full reads.
				got, err := store.Put(t.Context(), key, iotest.HalfReader(bytes.NewReader(want)), announced, audioType)
				if err != nil {
					t.Fatal(err)
				}
				if got.Size != size || got.SHA256 != sum(want) || got.Key != key || !strings.HasSuffix(got.URL, "/"+key) || !strings.HasPrefix(got.URL, "s3://test-") {
					t.Errorf("got %+v", got)
				}
				holds(t, store, key, want)
				if err := store.Verify(t.Context(), got); err != nil {
					t.Error(err)
				}
				info, err := store.Stat(t.Context(), key)
				if err != nil || info.Size != size || info.ContentType != audioType {
					t.Errorf("stat: %+v, %v", info, err)
				}
			})
		}
	}
}

// A body that is not what was announced leaves what was there before: nothing,
// or the copy of an earlier delivery.
func TestPutRefusesOtherLengths(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	before := noiseBytes(9, 1000)
	for _, size := range []int64{0, 1, 100_000, 6 << 20} {
		for off, body := range map[string]io.Reader{
			"shorter": noise(1, max(size-1, 0)),
			"longer":  noise(1, size+1),
			"twice":   noise(1, 2*size+1),
			"nothing": strings.NewReader(""),
		} {
			if size == 0 && (off == "shorter" || off == "nothing") {
				continue
			}
			for _, there := range [][]byte{nil, before} {
				t.Run(fmt.Sprintf("%s than %d over %d", off, size, len(there)), func(t *testing.T) {
					key := fmt.Sprintf("%s-%d-%d", off, size, len(there))
					if there != nil {
						put(t, store, key, there)
					}
					_, err := store.Put(t.Context(), key, body, size, audioType)
					wantCode(t, err, schema.Corrupt)
					holds(t, store, key, there)
				})
				body = noise(2, size+1) // the first was read
			}
		}
	}
}

// A download that breaks is not stored, whether its length was announced or
// not, and whatever error it breaks with.
func TestPutOfABrokenBody(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	for name, broken := range map[string]error{
		"reset":          errors.New("connection reset"),
		"unexpected end": io.ErrUnexpectedEOF,
		"wrapped end":    fmt.Errorf("media: %w", io.EOF),
	} {
		for _, size := range []int64{-1, 12 << 20} {
			for _, after := range []int64{0, 100, 7 << 20, 12 << 20} {
				t.Run(fmt.Sprintf("%s after %d of %d", name, after, size), func(t *testing.T) {
					t.Parallel()
					key := fmt.Sprintf("%s/%d/%d", strings.ReplaceAll(name, " ", "-"), size, after)
					_, err := store.Put(t.Context(), key, io.MultiReader(noise(1, after), iotest.ErrReader(broken)), size, audioType)
					if !errors.Is(err, broken) {
						t.Errorf("got %v, want the body's error", err)
					}
					wantCode(t, err, schema.Unavailable)
					holds(t, store, key, nil)
				})
			}
		}
	}
}

func TestPutKeepsTheCodeOfItsBody(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	for _, size := range []int64{-1, 5000} {
		body := io.MultiReader(noise(1, 100), iotest.ErrReader(schema.Errorf(schema.RateLimited, "slow down")))
		_, err := store.Put(t.Context(), "key", body, size, audioType)
		wantCode(t, err, schema.RateLimited)
	}
}

// Cancelling ends a transfer that is under way, and afterwards nothing reads
// the body any more.
func TestPutIsCancelled(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	for _, size := range []int64{-1, 64 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		var reads int
		body := readerFunc(func(p []byte) (int, error) {
			if reads++; reads == 20 {
				cancel()
			}
			clear(p)
			return len(p), nil
		})
		_, err := store.Put(ctx, "key", body, size, audioType)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("size %d: got %v", size, err)
		}
		wantCode(t, err, schema.Unavailable)
		reads = 0 // the race detector speaks up if anyone still reads
		holds(t, store, "key", nil)
	}
}

// A server that refuses at once leaves the connection reading the body; Put
// returns only when that is over, so that its caller may close the body.
func TestPutLeavesItsBodyAlone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	store, err := s3.Open(t.Context(), s3.Config{Endpoint: server.URL, Bucket: "recordings", AccessKey: "key", SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var returned atomic.Bool
		body := readerFunc(func(p []byte) (int, error) {
			runtime.Gosched()
			if returned.Load() {
				t.Error("the body was read after Put")
			}
			return len(p), nil
		})
		_, err = store.Put(t.Context(), "key", body, 4<<30, audioType)
		returned.Store(true)
		if code := schema.CodeOf(err); code != schema.Unauthorized && code != schema.Unavailable {
			t.Errorf("got %v", err)
		}
	}
}

func TestPutReplaces(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	first, second := noiseBytes(1, 5000), noiseBytes(2, 7000)
	put(t, store, "key", first)
	if diff := cmp.Diff(sum(second), put(t, store, "key", second).SHA256); diff != "" {
		t.Error(diff)
	}
	holds(t, store, "key", second)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	for _, key := range []string{
		"a", "org/2026/11/23/CA00/RE00.mp3", "with space", "späße/日本", "a..b", "...", ".hidden/x", strings.Repeat("a/", 100) + "b",
	} {
		content := []byte(key)
		put(t, store, key, content)
		holds(t, store, key, content)
	}
	for _, key := range []string{
		"", "/a", "a/", "a//b", "../a", "a/../../b", "a/..", "./a", "a\\b", "a\x00b", "a\nb", "a\xffb", strings.Repeat("a", 1025),
	} {
		_, err := store.Put(t.Context(), key, strings.NewReader("x"), 1, audioType)
		wantCode(t, err, schema.Invalid)
		_, _, err = store.Get(t.Context(), key)
		wantCode(t, err, schema.Invalid)
		_, err = store.Open(t.Context(), key)
		wantCode(t, err, schema.Invalid)
		wantCode(t, store.Remove(t.Context(), key), schema.Invalid)
	}
}

func TestPutTooLarge(t *testing.T) {
	t.Parallel()
	_, err := s3test.New(t).Put(t.Context(), "key", strings.NewReader(""), 5<<30+1, audioType)
	wantCode(t, err, schema.Invalid)
}
