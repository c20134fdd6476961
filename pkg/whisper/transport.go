package whisper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is what go-openai does not pass on of the service's answer.
type answer struct {
	status     int           // zero: there was none
	retryAfter time.Duration // zero: not said
	noText     bool          // it succeeded but has no text, not even an empty one
}

type answerKey struct{}

// observe returns a context whose request leaves its answer there.
func observe(ctx context.Context) (context.Context, *answer) {
	seen := &answer{}
	return context.WithValue(ctx, answerKey{}, seen), seen
}

// transport notes status and wait of each answer, and whether a success is one.
// A gateway's page, or an error sent with status 200, would otherwise decode
// to an empty transcript: to silence.
type transport struct {
	next http.RoundTripper
}

// maxAnswer bounds an answer. Four hours of verbose_json are some megabytes.
const maxAnswer = 64 << 20

// RoundTrip sends r.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport's errors pass as they are
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		body = withoutKey(body, r.Header)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if seen, ok := r.Context().Value(answerKey{}).(*answer); ok {
		seen.status = resp.StatusCode
		seen.retryAfter = retryAfter(resp.Header, time.Now())
		seen.noText = resp.StatusCode == http.StatusOK && !hasText(body)
	}
	return resp, nil
}

// withoutKey takes the key that a request was sent with out of an answer which
// quotes the request, as some services do: it would be in errors and dead
// letters.
func withoutKey(body []byte, sent http.Header) []byte {
	key := strings.TrimPrefix(sent.Get("Authorization"), "Bearer ")
	if key == "" {
		return body
	}
	return bytes.ReplaceAll(body, []byte(key), []byte("[the key]"))
}

func hasText(body []byte) bool {
	var transcript struct {
		Text *string `json:"text"`
	}
	return json.Unmarshal(body, &transcript) == nil && transcript.Text != nil
}

// stay keeps the audio and the key where they were sent: no redirect is
// followed.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxWait bounds the wait that a service can ask for.
const maxWait = time.Hour

// retryAfter returns the wait that h asks for: in milliseconds as OpenAI says
// it beside the standard header, in seconds, or until a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	wait := time.Duration(0)
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		wait = bounded(ms / 1000)
	} else if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		wait = bounded(s)
	} else if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = bounded(date.Sub(now).Seconds())
	}
	return wait
}

// bounded returns seconds as a duration between zero and maxWait.
func bounded(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN too
		return 0
	}
	return time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
}
