package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is the way to a dependency, which a test can spoil and cut.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newWire returns a way to the server at the address upstream.
func newWire(t *testing.T, upstream string) *wire {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wire{t, toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)}
	w.up()
	t.Cleanup(w.proxy.Stop)
	return w
}

func (w *wire) addr() string { return w.proxy.Listen }

// up lets connections through. The port is the same each time.
func (w *wire) up() {
	if err := w.proxy.Start(); err != nil {
		w.t.Errorf("%s: %v", w.addr(), err)
	}
}

// down refuses connections and ends those that there are.
func (w *wire) down() { w.proxy.Stop() }

// lead leads new connections to another server.
func (w *wire) lead(upstream string) {
	w.down()
	w.proxy.Upstream = upstream
	w.up()
}

// spoil adds a toxic to what comes back ("downstream") or goes there
// ("upstream"), and returns what takes it away.
func (w *wire) spoil(kind, direction, attributes string) (cure func()) {
	w.t.Helper()
	toxic, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(
		fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":{%s}}`, kind, direction, attributes)))
	if err != nil {
		w.t.Fatalf("toxic %s: %v", kind, err)
	}
	return func() {
		if err := w.proxy.Toxics.RemoveToxic(context.Background(), toxic.Name); err != nil {
			w.t.Errorf("toxic %s: %v", kind, err)
		}
	}
}

// hostOf returns the host and port of a URL.
func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// lie answers a request in the stead of the server, which is next.
type lie func(next http.Handler, w http.ResponseWriter, r *http.Request)

// liar stands before a server, and answers for it while it has a lie to tell.
type liar struct {
	next http.Handler
	lie  atomic.Pointer[lie]
	told atomic.Int64
}

// ServeHTTP lies or passes the request on.
func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if lie := l.lie.Load(); lie != nil {
		l.told.Add(1)
		(*lie)(l.next, w, r)
		return
	}
	l.next.ServeHTTP(w, r)
}

// enoughLies is how many answers of a kind have to be met before it ends.
const enoughLies = 3

// lies has the liar lie until the fault heals, which it does not before enough
// was met of it.
func (w *faulty) lies(l *liar, what lie) (heal func()) {
	l.told.Store(0)
	l.lie.Store(&what)
	return func() {
		w.Helper()
		within(w.T, "nobody asks who is lied to", func() bool { return l.told.Load() >= enoughLies })
		l.lie.Store(nil)
	}
}

// answering answers with a status and a body, and with headers in pairs.
func answering(status int, body string, headers ...string) lie {
	return func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// page is what a captive portal or a broken balancer answers to everything.
const page = "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>"

// slowly answers truthfully, later.
func slowly(wait time.Duration) lie {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(wait):
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// shortened answers half of what the server does, as if that were all of it, or
// as a connection that breaks off in the middle.
func shortened(breaksOff bool) lie {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		body := whole.Body.Bytes()
		for name, values := range whole.Header() {
			w.Header()[name] = values
		}
		half := body[:len(body)/2]
		w.Header().Set("Content-Length", strconv.Itoa(len(half)))
		if breaksOff {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(whole.Code)
		_, _ = w.Write(half)
	}
}

// watched stands before ingress and notes how it answers.
type watched struct {
	*httptest.Server
	next    http.Handler // the way on; set before the first request
	mu      sync.Mutex
	answers []answered
}

// answered is one answer of ingress.
type answered struct {
	status int
	took   time.Duration
	path   string
	body   string // of an answer that is neither 2xx nor 503
}

// watch serves as the way to ingress.
func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		note := &noted{ResponseWriter: rw, status: http.StatusOK}
		w.next.ServeHTTP(note, r)
		if r.Context().Err() != nil { // nobody waits for this answer any more
			note.status = statusLate
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answers = append(w.answers, answered{note.status, time.Since(began), r.URL.Path, note.body.String()})
	}))
	t.Cleanup(w.Close)
	return w
}

// statusLate stands for an answer that Twilio did not wait for.
const statusLate = 499

// since returns the answers after the first n.
func (w *watched) since(n int) []answered {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]answered(nil), w.answers[n:]...)
}

// noted remembers what is answered.
type noted struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (n *noted) WriteHeader(status int) { n.status = status; n.ResponseWriter.WriteHeader(status) }

// Write notes what is neither a success nor a refusal for now.
func (n *noted) Write(p []byte) (int, error) {
	if n.status >= 300 && n.status != http.StatusServiceUnavailable {
		n.body.Write(p)
	}
	return n.ResponseWriter.Write(p)
}

// pass is a proxy to the address, which says nothing of what fails on the way.
func pass(addr string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", addr, r.In.Host },
		ErrorLog: log.New(io.Discard, "", 0),
	}
}
