package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
	"time"

	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/schema"
)

func TestNothingThere(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	_, _, err := store.Get(t.Context(), "none")
	wantCode(t, err, schema.NotFound)
	_, err = store.Stat(t.Context(), "none")
	wantCode(t, err, schema.NotFound)
	_, err = store.Open(t.Context(), "none")
	wantCode(t, err, schema.NotFound)
	wantCode(t, store.Verify(t.Context(), schema.Object{Key: "none"}), schema.NotFound)
	if err := store.Remove(t.Context(), "none"); err != nil {
		t.Error(err)
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	put(t, store, "key", []byte("audio"))
	if err := store.Remove(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	holds(t, store, "key", nil)
}

func TestVerifyFindsOtherBytes(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	object := put(t, store, "key", noiseBytes(1, 5000))
	put(t, store, "key", noiseBytes(2, 5000))
	wantCode(t, store.Verify(t.Context(), object), schema.Corrupt)
	put(t, store, "key", noiseBytes(1, 4999))
	wantCode(t, store.Verify(t.Context(), object), schema.Corrupt)
	put(t, store, "key", noiseBytes(1, 5000))
	if err := store.Verify(t.Context(), object); err != nil {
		t.Error(err)
	}
}

// A transfer that stops half way is neither the whole object nor a proof.
func TestReadingBreaksOff(t *testing.T) {
	t.Parallel()
	header := http.Header{"Content-Length": {"1000"}, "Last-Modified": {time.Now().UTC().Format(http.TimeFormat)}, "Etag": {`"1"`}}
	store := open(t, func(r *http.Request) (*http.Response, error) {
		resp, _ := answer(http.StatusOK, header, "")(r)
		resp.Body = io.NopCloser(io.MultiReader(noise(1, 300), iotest.ErrReader(io.ErrUnexpectedEOF)))
		return resp, nil
	})
	body, size, err := store.Get(t.Context(), "key")
	if err != nil || size != 1000 {
		t.Fatalf("%d bytes, %v", size, err)
	}
	got, err := io.ReadAll(body)
	wantCode(t, err, schema.Unavailable)
	if len(got) != 300 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	whole := noiseBytes(1, 1000)
	wantCode(t, store.Verify(t.Context(), schema.Object{Key: "key", Size: 1000, SHA256: sum(whole)}), schema.Unavailable)
}

func TestOpenReadsAnywhere(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	content := noiseBytes(3, 200_000)
	put(t, store, "key", content)
	r, err := store.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, content); err != nil {
		t.Error(err)
	}
	if _, err := r.Seek(-1, io.SeekStart); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("seek before the start: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// What a browser asks for when someone moves through a recording.
func TestOpenAnswersRangeRequests(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	content := noiseBytes(4, 100_000)
	put(t, store, "key", content)
	player := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		audio, err := store.Open(r.Context(), "key")
		if err != nil {
			t.Error(err)
			return
		}
		defer audio.Close()
		w.Header().Set("Content-Type", audioType)
		http.ServeContent(w, r, "", time.Time{}, audio)
	}))
	t.Cleanup(player.Close)
	for header, want := range map[string]struct {
		status int
		body   []byte
	}{
		"":                  {http.StatusOK, content},
		"bytes=0-":          {http.StatusPartialContent, content},
		"bytes=0-0":         {http.StatusPartialContent, content[:1]},
		"bytes=500-999":     {http.StatusPartialContent, content[500:1000]},
		"bytes=99999-":      {http.StatusPartialContent, content[99_999:]},
		"bytes=-1000":       {http.StatusPartialContent, content[99_000:]},
		"bytes=100000-":     {http.StatusRequestedRangeNotSatisfiable, nil},
		"bytes=5000-400000": {http.StatusPartialContent, content[5000:]},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, player.URL, nil)
		if header != "" {
			req.Header.Set("Range", header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want.status || want.body != nil && !bytes.Equal(got, want.body) {
			t.Errorf("%q: %s with %d bytes, want %d with %d", header, resp.Status, len(got), want.status, len(want.body))
		}
	}
}

func TestOpenNeverMixesTwoObjects(t *testing.T) {
	t.Parallel()
	store := s3test.New(t)
	put(t, store, "key", noiseBytes(1, 5000))
	r, err := store.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, "key", noiseBytes(2, 5000))
	_, err = io.ReadAll(r)
	wantCode(t, err, schema.Conflict)
}

// A server that ignores Range would play the wrong stretch.
func TestOpenNeedsRanges(t *testing.T) {
	t.Parallel()
	header := http.Header{"Content-Length": {"1000"}, "Last-Modified": {time.Now().UTC().Format(http.TimeFormat)}, "Etag": {`"1"`}}
	store := open(t, answer(http.StatusOK, header, fmt.Sprintf("%1000d", 7)))
	r, err := store.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = r.Seek(500, io.SeekStart)
	if b, err := io.ReadAll(r); err == nil {
		t.Errorf("got %d bytes", len(b))
	}
}
