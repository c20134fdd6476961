package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Twilio's limits: how long an answer may take, and for how long an event is
// tried again.
const (
	eventTimeout    = 5 * time.Second
	callbackTimeout = 15 * time.Second
	maxDocument     = 64 << 10 // bytes of TwiML
	eventHorizon    = 4 * time.Hour
	leastHorizon    = 2 * time.Minute // the horizon is compressed, but a restart must fit in
)

// newClient makes the client that webhooks are sent with. It follows no
// redirect, and no proxy: what it reaches is named by its configuration.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // It is one.
	transport.Proxy = nil
	transport.MaxIdleConnsPerHost = 64
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what came back of a request: a status and a body, or an error.
type answer struct {
	status      int
	contentType string
	body        []byte
	err         error
}

func (a answer) accepted() bool { return a.err == nil && a.status >= 200 && a.status < 300 }

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
}

// post sends one signed request. The target is what is signed; the connection
// goes to Config.Dial where the target is callstream.
func (s *Simulator) post(ctx context.Context, timeout time.Duration, method, target, signature string, header http.Header, body []byte) answer {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.reach(target), bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if u, err := url.Parse(target); err == nil {
		request.Host = u.Host
	}
	request.Header = header
	request.Header.Set("X-Twilio-Signature", signature)
	request.Header.Set("User-Agent", "TwilioProxy/1.1")
	response, err := s.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, contentType: response.Header.Get("Content-Type")}
	got.body, _ = io.ReadAll(io.LimitReader(response.Body, maxDocument)) //nolint:errcheck // Only TwiML counts, and half a document is none.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	return got
}

// reach turns a URL at the public address into one at the real one.
func (s *Simulator) reach(target string) string {
	rest, ok := strings.CutPrefix(target, s.config.Target)
	if s.config.Dial == "" || !ok || (rest != "" && !strings.ContainsAny(rest[:1], "/?")) {
		return target
	}
	return strings.TrimSuffix(s.config.Dial, "/") + rest
}

// sendCallback makes a status callback: best effort, tried once more when no
// connection can be made or kept, and never for an answer, whatever it is.
func (s *Simulator) sendCallback(ctx context.Context, d delivery) (outcome, answer) {
	got := s.request(ctx, d.method, d.url, newSID(d.dice, ""), d.form)
	if got.accepted() {
		return delivered, got
	}
	return lost, got
}

// request makes a signed request with the parameters in its query or its form,
// and repeats it once when no connection could be made or kept.
func (s *Simulator) request(ctx context.Context, method, target, token string, params url.Values) answer {
	header := http.Header{"I-Twilio-Idempotency-Token": {token}}
	var body []byte
	var signature string
	if method == http.MethodGet {
		target = withQuery(target, params.Encode())
		signature = signText(s.config.AuthToken, target)
	} else {
		header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		body = []byte(params.Encode())
		signature = signForm(s.config.AuthToken, target, params)
	}
	got := s.post(ctx, callbackTimeout, method, target, signature, header, body)
	if got.err != nil && !errors.Is(got.err, context.DeadlineExceeded) && sleep(ctx, time.Second) {
		got = s.post(ctx, callbackTimeout, method, target, signature, header.Clone(), body)
	}
	return got
}

// sendEvents delivers a batch to every sink that is subscribed to it, each by
// Event Streams' rules: accepted by a 2xx, dropped for good by any 4xx but
// 429, tried again with growing waits otherwise, until the horizon.
func (s *Simulator) sendEvents(ctx context.Context, d delivery) (outcome, answer) {
	body, err := json.Marshal(d.events)
	if err != nil {
		return dropped, answer{err: err}
	}
	if len(d.events) == 1 && d.dice.IntN(20) == 0 {
		body = body[1 : len(body)-1] // a bare object, as some sinks are said to get
	}
	result, last := delivered, answer{status: http.StatusOK}
	for _, destination := range s.destinations(d) {
		if o, got := s.sendBatch(ctx, destination, body, d.dice); o != delivered {
			result, last = o, got
		}
	}
	return result, last
}

func (s *Simulator) sendBatch(ctx context.Context, destination string, body []byte, dice *rand.Rand) (outcome, answer) {
	horizon := max(time.Duration(float64(eventHorizon)/s.config.Speed), leastHorizon)
	deadline := time.Now().Add(horizon)
	for attempt := 0; ; attempt++ {
		got := s.postEvents(ctx, destination, body)
		switch {
		case got.accepted():
			return delivered, got
		case got.err == nil && got.status >= 400 && got.status < 500 && got.status != http.StatusTooManyRequests:
			return dropped, got
		case time.Now().After(deadline):
			return dropped, got
		}
		s.count(func(p *Progress) { p.Retries++ })
		if !sleep(ctx, backoff(attempt, dice)) {
			return dropped, answer{err: ctx.Err()}
		}
	}
}

// postEvents makes one attempt. Credentials in the destination are sent by
// Basic authentication and are not part of what is signed.
func (s *Simulator) postEvents(ctx context.Context, destination string, body []byte) answer {
	header := http.Header{"Content-Type": {"application/json"}}
	if u, err := url.Parse(destination); err == nil && u.User != nil {
		password, _ := u.User.Password()
		request := http.Request{Header: header}
		request.SetBasicAuth(u.User.Username(), password)
		u.User = nil
		destination = u.String()
	}
	target, signature := signJSON(s.config.AuthToken, destination, body)
	return s.post(ctx, eventTimeout, http.MethodPost, target, signature, header, body)
}

// backoff is the wait before the next attempt: from a quarter of a second,
// doubling to half a minute, the half of it by chance.
func backoff(attempt int, dice *rand.Rand) time.Duration {
	wait := min(250*time.Millisecond<<min(attempt, 10), 30*time.Second)
	return wait/2 + time.Duration(dice.Int64N(int64(wait/2)))
}

// sleep waits, unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func withQuery(target, query string) string {
	if strings.Contains(target, "?") {
		return target + "&" + query
	}
	return target + "?" + query
}
