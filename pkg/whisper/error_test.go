package whisper_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/whisper"
	"github.com/loquent/callstream/schema"
)

// page is what gateways answer.
const page = "<!DOCTYPE html><html><head><title>Sorry</title></head><body>" + "unavailable" + "</body></html>"

func TestErrors(t *testing.T) {
	t.Parallel()
	text := func(status int, body string, headers ...string) func(http.ResponseWriter, upload) {
		return func(w http.ResponseWriter, _ upload) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	told := func(status int, code string, headers ...string) func(http.ResponseWriter, upload) {
		return text(status, `{"error":{"message":"as it is told","type":"some_error","param":null,"code":"`+code+`"}}`, headers...)
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, upload)
		want   schema.Code
		wait   time.Duration
		says   string
	}{
		"rate limit":            {told(429, "rate_limit_exceeded", "Retry-After", "20"), schema.RateLimited, 20 * time.Second, "rate_limit_exceeded"},
		"in milliseconds":       {told(429, "rate_limit_exceeded", "Retry-After", "2", "Retry-After-Ms", "1500"), schema.RateLimited, 1500 * time.Millisecond, ""},
		"no wait named":         {told(429, "rate_limit_exceeded"), schema.RateLimited, 0, ""},
		"nonsense for a wait":   {told(429, "rate_limit_exceeded", "Retry-After", "soon"), schema.RateLimited, 0, ""},
		"a wait of years":       {told(429, "rate_limit_exceeded", "Retry-After", "1e30"), schema.RateLimited, time.Hour, ""},
		"no credit":             {told(429, "insufficient_quota", "Retry-After", "1"), schema.RateLimited, 30 * time.Minute, "credit"},
		"billing limit":         {told(400, "billing_hard_limit_reached"), schema.RateLimited, 30 * time.Minute, "credit"},
		"server error":          {told(500, "server_error"), schema.Internal, 0, ""},
		"overloaded":            {told(503, "overloaded", "Retry-After", "5"), schema.Unavailable, 5 * time.Second, ""},
		"gateway's page":        {text(502, page), schema.Unavailable, 0, "502 Bad Gateway"},
		"gateway's timeout":     {text(504, ""), schema.Unavailable, 0, ""},
		"page with status 200":  {text(200, page), schema.Unavailable, 0, "OPENAI_BASE_URL"},
		"error with status 200": {text(200, `{"error":{"message":"no"}}`), schema.Unavailable, 0, ""},
		"cut off":               {text(200, `{"text":"my card number is`), schema.Unavailable, 0, ""},
		"wrong types":           {text(200, `{"text":"my card number is","segments":"none"}`), schema.Unavailable, 0, ""},
		"empty answer":          {text(200, ""), schema.Unavailable, 0, ""},
		"a refusal that quotes the key": {
			text(400, `{"error":{"message":"you sent Bearer `+testKey+`","type":"`+testKey+`","code":"`+testKey+`"}}`), schema.Refused, 0, "you sent Bearer [the key]",
		},
		"no audio to it":    {told(400, "invalid_value"), schema.Refused, 0, "as it is told"},
		"refusal as a page": {text(400, page), schema.Refused, 0, "400 Bad Request"},
		"too large":         {text(413, page), schema.Refused, 0, ""},
		"media type":        {told(415, ""), schema.Refused, 0, ""},
		"not processable":   {text(422, `{"detail":[{"msg":"bad"}]}`), schema.Refused, 0, ""},
		"not permitted":     {told(403, "unsupported_country_region_territory"), schema.Unauthorized, 0, "OPENAI_API_KEY"},
		"no such model":     {told(404, "model_not_found"), schema.Forbidden, 0, "WHISPER_MODEL"},
		"no such path":      {text(404, "404 page not found"), schema.Unavailable, 0, "OPENAI_BASE_URL"},
		"redirect":          {text(307, "", "Location", "https://elsewhere.test/v1"), schema.Invalid, 0, "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := newDouble(t, c.answer)
			_, err := transcribe(t, newClient(t, service, nil), mp3test.Silence(time.Second, 1))
			if got := schema.CodeOf(err); got != c.want {
				t.Fatalf("got %q (%v), want %q", got, err, c.want)
			}
			if wait, _ := schema.RetryAfterOf(err); wait != c.wait {
				t.Errorf("wait %s, want %s", wait, c.wait)
			}
			if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "card") || strings.Contains(err.Error(), "<html>") {
				t.Errorf("says %q", err)
			}
			if n := len(service.seen()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestRetryAfterADate(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, _ upload) {
		w.Header().Set("Retry-After", time.Now().Add(10*time.Minute).UTC().Format(http.TimeFormat))
		refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "later")
	})
	_, err := transcribe(t, newClient(t, service, nil), mp3test.Silence(time.Second, 1))
	if wait, ok := schema.RetryAfterOf(err); !ok || wait < 5*time.Minute || wait > 10*time.Minute {
		t.Errorf("wait %s", wait)
	}
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	const wrong = "sk-wrong-987"
	service := newDouble(t, nil)
	_, err := transcribe(t, newClient(t, service, func(c *whisper.Config) { c.APIKey = wrong }), mp3test.Silence(time.Second, 1))
	if schema.CodeOf(err) != schema.Unauthorized || !strings.Contains(err.Error(), "OPENAI_API_KEY") || strings.Contains(err.Error(), wrong) {
		t.Errorf("got %v", err)
	}
}

// The third of several parts fails: there is no half transcript.
func TestOnePartFails(t *testing.T) {
	t.Parallel()
	service := newDouble(t, func(w http.ResponseWriter, u upload) {
		if u.number == 3 {
			w.Header().Set("Retry-After", "7")
			refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "later")
			return
		}
		timestamped(w, u)
	})
	client := newClient(t, service, func(c *whisper.Config) { c.MaxUpload = 20_000 })
	got, err := transcribe(t, client, mp3test.Silence(time.Minute, 1))
	if wait, _ := schema.RetryAfterOf(err); schema.CodeOf(err) != schema.RateLimited || wait != 7*time.Second || got.Text != "" || got.Segments != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := len(service.seen()); n != 3 {
		t.Errorf("%d requests: it should have stopped at the third", n)
	}
}

func TestServiceIsGone(t *testing.T) {
	t.Parallel()
	service := newDouble(t, nil)
	client := newClient(t, service, nil)
	service.Close()
	_, err := transcribe(t, client, mp3test.Silence(time.Second, 1))
	if schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("got %v", err)
	}
}

// A service that takes the audio and never answers.
func TestServiceHangs(t *testing.T) {
	t.Parallel()
	arrived, over := make(chan struct{}, 2), make(chan struct{})
	service := newDouble(t, func(http.ResponseWriter, upload) {
		arrived <- struct{}{}
		<-over
	})
	t.Cleanup(func() { close(over) }) // before the server's own Close, which waits

	patient := newClient(t, service, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	audio := mp3test.Silence(110*time.Millisecond, 1)
	_, err := patient.Transcribe(ctx, strings.NewReader(string(audio)), int64(len(audio)))
	if !errors.Is(err, context.Canceled) || schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("cancelled: got %v", err)
	}

	impatient := newClient(t, service, func(c *whisper.Config) { c.Patience = time.Millisecond })
	_, err = transcribe(t, impatient, audio)
	if !errors.Is(err, context.DeadlineExceeded) || schema.CodeOf(err) != schema.Unavailable || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("timed out: got %v", err)
	}
}

// Audio and key stay with the service that was configured.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the audio went elsewhere") }))
	t.Cleanup(elsewhere.Close)
	service := newDouble(t, func(w http.ResponseWriter, _ upload) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	_, err := transcribe(t, newClient(t, service, nil), mp3test.Silence(time.Second, 1))
	if schema.CodeOf(err) != schema.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]whisper.Config{
		"no key":          {},
		"no URL":          {BaseURL: "localhost", APIKey: testKey},
		"another scheme":  {BaseURL: "ftp://host/v1", APIKey: testKey},
		"key in the URL":  {BaseURL: "https://u:hunter2@host/v1"},
		"key in no URL":   {BaseURL: "https://u:hunter2@ho st/v1"},
		"no room":         {APIKey: testKey, MaxUpload: 5000},
		"a negative room": {APIKey: testKey, MaxUpload: -1},
	} {
		_, err := whisper.New(config)
		if schema.CodeOf(err) != schema.Invalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, config := range map[string]whisper.Config{
		"OpenAI":           {APIKey: testKey},
		"one's own":        {BaseURL: "http://127.0.0.1:8000/v1"},
		"with a slash":     {BaseURL: "http://127.0.0.1:8000/v1/"},
		"another's prefix": {BaseURL: "https://api.example.test/openai/v1", APIKey: testKey},
	} {
		if _, err := whisper.New(config); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
