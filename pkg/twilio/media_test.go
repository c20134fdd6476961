package twilio_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

const mediaPath = "/2010-04-01/Accounts/" + accountSID + "/Recordings/" + recordingSID + ".mp3"

var audio = bytes.Repeat([]byte("\xff\xe3\x18\xc4 not quite a frame"), 5000)

func answerAudio(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "audio/mpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(audio)))
	w.Write(audio)
}

func TestDownloadMedia(t *testing.T) {
	t.Parallel()
	d := newDouble(t, answerAudio)
	media, err := d.client(t).DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Body.Close()
	got, err := io.ReadAll(media.Body)
	if err != nil || !bytes.Equal(got, audio) {
		t.Errorf("read %d bytes of %d: %v", len(got), len(audio), err)
	}
	if media.Size != int64(len(audio)) || media.ContentType != "audio/mpeg" {
		t.Errorf("announced %d bytes of %s", media.Size, media.ContentType)
	}
	if r := d.asked()[0]; r.path != mediaPath || r.query != "" || r.header.Get("Accept-Encoding") != "identity" {
		t.Errorf("asked for %s?%s in %s", r.path, r.query, r.header.Get("Accept-Encoding"))
	}
}

func TestDownloadOfUnknownSize(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg; x=1")
		for half := range bytes.SplitAfterSeq(audio, audio[:len(audio)/2]) {
			w.Write(half)
			w.(http.Flusher).Flush()
		}
	})
	media, err := d.client(t).DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Body.Close()
	got, err := io.ReadAll(media.Body)
	if err != nil || !bytes.Equal(got, audio) || media.Size != -1 || media.ContentType != "audio/mpeg" {
		t.Errorf("read %d bytes of %d (announced %d of %s): %v", len(got), len(audio), media.Size, media.ContentType, err)
	}
}

// Nothing but audio is ever handed on as audio.
func TestWhatIsNotAudio(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		code   schema.Code
	}{
		"not there yet": {always(404, `{"code":20404,"message":"not found","status":404}`), schema.NotFound},
		"no access":     {always(401, `{"code":20003,"message":"Authenticate","status":401}`), schema.Unauthorized},
		"encrypted":     {always(400, `{"code":16109,"message":"mp3 of an encrypted recording","status":400}`), schema.Refused},
		"too many":      {always(429, ``), schema.RateLimited},
		"overloaded":    {always(503, ``), schema.Unavailable},
		"accepted":      {always(202, ``), schema.Unavailable},
		"error page with 200": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>sorry</html>")
		}, schema.Corrupt},
		"JSON with 200": {always(200, `{"code":20404}`), schema.Corrupt},
		"no type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			w.Write(audio)
		}, schema.Corrupt},
		"no length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Length", "0")
		}, schema.Corrupt},
		"absurd length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Length", "9000000000")
		}, schema.Corrupt},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			zip.Write(audio)
			zip.Close()
		}, schema.Corrupt},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			media, err := newDouble(t, c.answer).client(t).DownloadMedia(t.Context(), account(), recordingSID)
			wantCode(t, err, c.code)
			if media.Body != nil {
				t.Error("a body beside an error")
			}
			if !strings.Contains(err.Error(), recordingSID) {
				t.Errorf("%q does not name the recording", err)
			}
		})
	}
}

// A transfer that ends early must not look whole.
func TestTruncatedMedia(t *testing.T) {
	t.Parallel()
	cases := map[string]func(http.ResponseWriter, *http.Request){
		"shorter than announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Length", strconv.Itoa(len(audio)))
			w.Write(audio[:1000])
		},
		"broken off in chunks": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Write(audio[:1000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			media, err := newDouble(t, answer).client(t).DownloadMedia(t.Context(), account(), recordingSID)
			if err != nil {
				t.Fatal(err)
			}
			defer media.Body.Close()
			got, err := io.ReadAll(media.Body)
			wantCode(t, err, schema.Unavailable)
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 1000 {
				t.Errorf("read %d bytes: %v", len(got), err)
			}
		})
	}
}

func TestStalledMedia(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Write(audio[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	media, err := d.client(t, func(c *twilio.Config) { c.Stall = 50 * time.Millisecond }).DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Body.Close()
	_, err = io.ReadAll(media.Body)
	wantCode(t, err, schema.Unavailable)
}

func TestContextEndsTheDownload(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Write(audio[:1000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancel(t.Context())
	media, err := d.client(t).DownloadMedia(ctx, account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Body.Close()
	if _, err := io.ReadFull(media.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.ReadAll(media.Body)
	wantCode(t, err, schema.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	<-ended
}

// A download holds its account's place until it is closed or read to its end,
// and no longer.
func TestDownloadGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RawQuery) > 0 {
			t.Error("unexpected query")
		}
		answerAudio(w, r)
	})
	c := d.client(t, func(c *twilio.Config) { c.Concurrency = 1 })
	for i := range 4 {
		media, err := c.DownloadMedia(t.Context(), account(), recordingSID)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			io.Copy(io.Discard, media.Body)
			defer media.Body.Close()
			continue
		}
		media.Body.Close()
		media.Body.Close()
	}
	media, err := c.DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	defer media.Body.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = c.DownloadMedia(ctx, account(), recordingSID)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second download at once: %v", err)
	}
}

func TestMonoOnly(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			answerJSON(w, 400, `{"code":16113,"message":"Requested channels not available","status":400}`)
			return
		}
		answerAudio(w, r)
	})
	media, err := d.client(t).DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	media.Body.Close()
	if asked := d.asked(); len(asked) != 2 || asked[1].query != "RequestedChannels=1" {
		t.Errorf("asked %+v", asked)
	}
}

// pair is a double and a storage elsewhere, by TLS, whose certificates the
// client trusts.
func pair(t *testing.T, storage http.HandlerFunc) (elsewhere *double, transport http.RoundTripper) {
	t.Helper()
	elsewhere = &double{answer: storage}
	elsewhere.Server = httptest.NewTLSServer(elsewhere)
	t.Cleanup(elsewhere.Close)
	return elsewhere, elsewhere.Client().Transport
}

func TestRedirectedMedia(t *testing.T) {
	t.Parallel()
	storage, transport := pair(t, answerAudio)
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mediaPath {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		w.Header().Set("Location", strings.Replace(storage.URL, "https://", "https://user:pass@", 1)+"/bucket/x.mp3?signature=1")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	media, err := d.client(t, func(c *twilio.Config) { c.Transport = transport }).DownloadMedia(t.Context(), account(), recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(media.Body)
	media.Body.Close()
	if err != nil || !bytes.Equal(got, audio) {
		t.Errorf("read %d bytes of %d: %v", len(got), len(audio), err)
	}
	if at := storage.asked()[0]; at.header.Get("Authorization") != "" || at.path != "/bucket/x.mp3" || at.query != "signature=1" {
		t.Errorf("credentials went along, or the link was changed: %+v", at)
	}
	for _, r := range d.asked() {
		if r.header.Get("Authorization") == "" {
			t.Errorf("no credentials for %s at Twilio itself", r.path)
		}
	}
}

func TestRedirectsNotFollowed(t *testing.T) {
	t.Parallel()
	plain := newDouble(t, answerAudio)
	storage, transport := pair(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/expired" {
			answerJSON(w, 403, "<Error>AccessDenied</Error>")
			return
		}
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	cases := map[string]struct {
		location string
		code     schema.Code
	}{
		"without https": {plain.URL + "/x.mp3", schema.Internal},
		"a file":        {"file:///etc/passwd", schema.Internal},
		"nowhere":       {"", schema.Internal},
		"nonsense":      {"http://[", schema.Internal},
		"in circles":    {storage.URL + "/again", schema.Internal},
		"expired link":  {storage.URL + "/expired", schema.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.location != "" {
					w.Header().Set("Location", c.location)
				}
				w.WriteHeader(http.StatusFound)
			})
			_, err := d.client(t, func(c *twilio.Config) { c.Transport = transport }).DownloadMedia(t.Context(), account(), recordingSID)
			wantCode(t, err, c.code)
		})
	}
	if len(plain.asked()) != 0 {
		t.Error("a redirect without https was followed")
	}
}

func TestMediaBySecondaryToken(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password == token {
			answerJSON(w, 401, `{}`)
			return
		}
		answerAudio(w, r)
	})
	a := account()
	a.AuthTokens = append(a.AuthTokens, "fedcba9876543210fedcba9876543210")
	media, err := d.client(t).DownloadMedia(t.Context(), a, recordingSID)
	if err != nil {
		t.Fatal(err)
	}
	media.Body.Close()
}
