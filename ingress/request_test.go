package ingress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	verify := func([]string, *http.Request, []byte) error { return nil }
	for _, config := range []ingress.Config{
		{},
		{Accounts: newDirectory(), Verify: verify},
		{Publisher: &publisher{}, Verify: verify},
		{Publisher: &publisher{}, Accounts: newDirectory()},
	} {
		if _, err := ingress.New(config); err == nil {
			t.Errorf("New(%+v) made an ingress", config)
		}
	}
	if _, err := ingress.New(ingress.Config{Publisher: &publisher{}, Accounts: newDirectory(), Verify: verify}); err != nil {
		t.Error(err)
	}
}

// Two in one process count together instead of failing.
func TestTwoShareARegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newWorld(t, func(c *ingress.Config) { c.Registerer = w.registry })
	w.send(token)
	other.send(token)
	w.counted("call.completed", "stored", 2)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		method, target string
		status         int
	}{
		{http.MethodGet, "/twilio/call-status?" + completed.Encode(), http.StatusMethodNotAllowed},
		{http.MethodGet, "/twilio/events", http.StatusMethodNotAllowed},
		{http.MethodHead, "/twilio/recording", http.StatusMethodNotAllowed},
		{http.MethodPut, "/twilio/recording", http.StatusMethodNotAllowed},
		{http.MethodPost, "/twilio/voice", http.StatusNotFound},
		{http.MethodPost, "/twilio/events/", http.StatusNotFound},
		{http.MethodPost, "/", http.StatusNotFound},
	} {
		r := httptest.NewRequest(test.method, test.target, nil)
		r.Header.Set("X-Twilio-Signature", signature(token, base+r.URL.RequestURI()))
		w.status(test.method+" "+test.target, w.post(r), test.status)
	}
	w.nothing("other routes")
}

// The body is bounded before anything else is done with it.
func TestBodySize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for size, want := range map[int]int{1 << 20: http.StatusNoContent, 1<<20 + 1: http.StatusRequestEntityTooLarge} {
		body := strings.Repeat("x", size)
		w.status(fmt.Sprint(size), w.events(eventsRoute, body), want)
		chunked := jsonRequest(token, eventsRoute, body)
		chunked.ContentLength = -1
		w.status(fmt.Sprint(size, " chunked"), w.post(chunked), want)
	}
	if n := len(w.publisher.letters); n != 2 {
		t.Errorf("%d dead letters, want the two of allowed size", n)
	}
}

// Any byte that changes on the way is noticed.
func TestTamperedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	event := cloudEvent(statusCallback+"call.completed", mirror(completed))
	changed := jsonRequest(token, eventsRoute, event)
	changed.Body = io.NopCloser(strings.NewReader(strings.Replace(event, "completed", "failed", 2)))
	moved := jsonRequest(token, eventsRoute, event)
	moved.URL.RawQuery = strings.Replace(moved.URL.RawQuery, "org="+org, "org="+otherOrg, 1)
	form := formRequest(token, "/twilio/call-status", completed.Encode())
	form.Body = io.NopCloser(strings.NewReader(completed.Encode() + "&CallStatus=failed"))
	unhashed := formRequest(token, "/twilio/events?org="+org, "")
	unhashed.Body = io.NopCloser(strings.NewReader(event))
	unhashed.Header.Set("Content-Type", "application/json")
	for what, r := range map[string]*http.Request{
		"another body": changed, "another organization": moved, "another parameter": form, "a body that no hash covers": unhashed,
		"another token": jsonRequest(otherToken, eventsRoute, event),
	} {
		w.status(what, w.post(r), http.StatusForbidden)
	}
	w.nothing("tampered requests")
}

// Whatever keeps the broker from storing, Twilio is to try again, and is told
// so before it gives up waiting.
func TestBrokerCannotStore(t *testing.T) {
	t.Parallel()
	for what, publish := range map[string]func(context.Context, []schema.Event) error{
		"away":      func(context.Context, []schema.Event) error { return away },
		"plain":     func(context.Context, []schema.Event) error { return errors.New("no responders") },
		"invalid":   func(context.Context, []schema.Event) error { return schema.Errorf(schema.Invalid, "too large") },
		"not found": func(context.Context, []schema.Event) error { return schema.Errorf(schema.NotFound, "no stream") },
		"slow": func(ctx context.Context, _ []schema.Event) error {
			<-ctx.Done()
			return schema.Errorf(schema.Unavailable, "publish: %w", ctx.Err())
		},
	} {
		w := newWorld(t, func(c *ingress.Config) { c.Budget = 50 * time.Millisecond })
		w.publisher.publish = publish
		for _, r := range []*http.Request{
			formRequest(token, "/twilio/call-status", completed.Encode()),
			formRequest(token, "/twilio/recording", processed.Encode()),
			jsonRequest(token, eventsRoute, cloudEvent(summaries+"complete", summary(unchanged))),
		} {
			answer := w.post(r)
			w.status(what+" "+r.URL.Path, answer, http.StatusServiceUnavailable)
			if answer.Header().Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", what)
			}
		}
		if n := w.count("callstream_ingress_events_total", nil); n != 0 {
			t.Errorf("%s: %v events counted", what, n)
		}
	}
}

// A dead letter that cannot be stored is as bad as an event.
func TestDeadLetterCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publisher.deadLetter = func(context.Context, []schema.DeadLetter) error { return away }
	body := "[" + cloudEvent(summaries+"complete", summary(unchanged)) + ",7]"
	w.status("half stored", w.events(eventsRoute, body), http.StatusServiceUnavailable)
	w.publisher.deadLetter = nil
	w.status("tried again", w.events(eventsRoute, body), http.StatusNoContent)
	events, letters := w.publisher.take()
	if len(events) != 2 || events[0].MsgID() != events[1].MsgID() || len(letters) != 1 {
		t.Errorf("%d events and %d dead letters, want the same event twice and the letter", len(events), len(letters))
	}
}

// What arrived whole is stored even if the sender hangs up meanwhile: a
// callback does not come twice.
func TestSenderHangsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, hangUp := context.WithCancel(t.Context())
	w.publisher.publish = func(ctx context.Context, _ []schema.Event) error {
		hangUp()
		return ctx.Err()
	}
	w.post(formRequest(token, "/twilio/call-status", completed.Encode()).WithContext(ctx))
	w.one("a callback of a sender that hung up")
}

// A sender that dribbles its body is cut off within the budget, and told to
// try again; also one for whose body there is no room, of which the server
// reads the rest all the same.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for room, want := range map[int64]int{100: http.StatusServiceUnavailable, -1: http.StatusTooManyRequests} {
		w := newWorld(t, func(c *ingress.Config) { c.Budget = 100 * time.Millisecond; c.MaxArriving = room })
		server := httptest.NewServer(w)
		t.Cleanup(server.Close)
		answer, err := http.ReadResponse(bufio.NewReader(dribble(t, server, "")), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("status %d, want %d", answer.StatusCode, want)
		}
	}
}

// dribble begins a request whose body never ends, on a connection of its own.
func dribble(t *testing.T, server *httptest.Server, header string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = io.WriteString(conn, "POST /twilio/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nX-Twilio-Signature: x\r\n"+header+"\r\n[")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Those who never end their bodies, for which nobody has to sign, take no places
// from those who do.
func TestSlowSendersTakeNoPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) { c.MaxInFlight = 2; c.Budget = time.Minute })
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	for range 8 {
		conn := dribble(t, server, "Expect: 100-continue\r\n")
		defer conn.Close()                                                    // before the server, which waits for it
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || // once its body is read
			!strings.Contains(line, "100 Continue") && !strings.Contains(line, "429") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	w.status("a good one", w.callback("/twilio/call-status", completed), http.StatusOK)
}

// The room that bodies take on their way is given back, whatever became of them.
func TestRoomForBodies(t *testing.T) {
	t.Parallel()
	form := completed.Encode()
	w := newWorld(t, func(c *ingress.Config) { c.MaxArriving = int64(len(form)) })
	for range 3 {
		w.status("one with room", w.callback("/twilio/call-status", completed), http.StatusOK)
		answer := w.post(formRequest(token, "/twilio/call-status", form+"&Called=x"))
		w.status("one without", answer, http.StatusTooManyRequests)
		if answer.Header().Get("Retry-After") == "" {
			t.Errorf("answer %v", answer.Header())
		}
		w.status("a forged one", w.post(formRequest("forged", "/twilio/call-status", form)), http.StatusForbidden)
	}
}

// The deadline of a body's arrival is over with it: a request that is stored
// slowly, on a connection that lives on, is not cut off.
func TestConnectionOutlivesTheBodyDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) { c.Budget = 300 * time.Millisecond })
	slow := make(chan struct{}, 1)
	w.publisher.publish = func(ctx context.Context, _ []schema.Event) error {
		select {
		case slow <- struct{}{}: // the first
			<-ctx.Done()
			return ctx.Err()
		default:
			return nil
		}
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		signed := formRequest(token, "/twilio/call-status", completed.Encode())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/twilio/call-status", signed.Body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = signed.Header
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("status %d, want %d", answer.StatusCode, want)
		}
	}
}

// flood starts n requests that stay in flight until release, and returns once
// they are all there.
func (w *world) flood(n int, next func() *http.Request) (release func()) {
	w.Helper()
	held, arrived := make(chan struct{}), make(chan struct{}, n)
	var taken atomic.Int64
	w.publisher.publish = func(context.Context, []schema.Event) error {
		if taken.Add(1) <= int64(n) { // the rest goes through
			arrived <- struct{}{}
			<-held
		}
		return nil
	}
	var all sync.WaitGroup
	for range n {
		r := next()
		all.Go(func() { w.post(r) })
	}
	for range n {
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			w.Fatal("the flood does not come")
		}
	}
	return func() { close(held); all.Wait() }
}

func otherCallback() *http.Request {
	return formRequest(otherToken, "/twilio/call-status", with(completed, "AccountSid", otherAccount).Encode())
}

// Too many requests at a time are put off, not dropped: 429 is the one 4xx
// after which Twilio tries again.
func TestFlood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) { c.MaxInFlight = 8; c.Budget = time.Minute })
	mine := func() *http.Request { return formRequest(token, "/twilio/call-status", completed.Encode()) }
	turn := false
	release := w.flood(8, func() *http.Request {
		if turn = !turn; turn {
			return mine()
		}
		return otherCallback()
	})
	for _, r := range []*http.Request{mine(), otherCallback()} {
		answer := w.post(r)
		w.status("one too many", answer, http.StatusTooManyRequests)
		if answer.Header().Get("Retry-After") == "" || answer.Body.String() != "<Response/>" {
			t.Errorf("answer %v %q", answer.Header(), answer.Body)
		}
	}
	release()
	w.status("afterwards", w.post(mine()), http.StatusOK)
}

// One account's flood leaves places for the others.
func TestFloodOfOneAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) { c.MaxInFlight = 8; c.Budget = time.Minute })
	mine := func() *http.Request { return formRequest(token, "/twilio/call-status", completed.Encode()) }
	release := w.flood(6, mine)
	w.status("the account's seventh", w.post(mine()), http.StatusTooManyRequests)
	w.status("another account's", w.post(otherCallback()), http.StatusOK)
	release()
	w.status("afterwards", w.post(mine()), http.StatusOK)
}

// A form is read as it was signed, also where Go would rather not.
func TestFormsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *ingress.Config) {
		c.Verify = func([]string, *http.Request, []byte) error { return nil }
	})
	for _, body := range []string{"CallSid=a;b&CallStatus=completed", "CallSid=%zz", "", "&&&", `{"CallSid":1}`, strings.Repeat("a", 200<<10)} {
		r := formRequest(token, "/twilio/call-status?org="+org, body)
		w.status(body[:min(20, len(body))], w.post(r), http.StatusOK)
		if letter := w.letter("form"); string(letter.Data) != body {
			t.Errorf("kept %q of %q", letter.Data, body)
		}
	}
}

// Nothing secret and nobody's words are in the log.
func TestLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.events(eventsRoute, cloudEvent(inboundMessage, map[string]any{
		"messageSid": messageSID, "accountSid": accountSID, "body": "my secret is", "from": "+15005550001",
	}))
	w.send(token)
	w.send(otherToken)
	w.callback("/twilio/call-status", url.Values{"AccountSid": {accountSID}, "CallSid": {"my secret is"}})
	for _, secret := range []string{token, otherToken, "my secret is", "+15005550001", "+1 (500)"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("the log tells %q: %s", secret, w.log)
		}
	}
	for _, line := range []string{"route=/twilio/events status=204 org=7", "stored=1", "dead_letter=1", "level=WARN", "msg_id=call.completed:" + callSID} {
		if !strings.Contains(w.log.String(), line) {
			t.Errorf("the log does not tell %q: %s", line, w.log)
		}
	}
}
