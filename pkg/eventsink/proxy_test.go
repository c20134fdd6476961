package eventsink_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// proxy stands between callstream and Twilio's double. It keeps what was asked
// and meddles with it.
type proxy struct {
	*httptest.Server
	twilio http.Handler

	mu     sync.Mutex
	asked  []string // "POST /v1/Sinks", SIDs left out
	meddle func(n int, w http.ResponseWriter, r *http.Request) (done bool)
}

func newProxy(t *testing.T, twilio http.Handler) *proxy {
	p := &proxy{twilio: twilio}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP passes a request on, unless the test's meddling is all there is to
// it. n counts from 0.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	n, meddle := len(p.asked), p.meddle
	p.asked = append(p.asked, operation(r))
	p.mu.Unlock()
	if meddle == nil || !meddle(n, w, r) {
		p.twilio.ServeHTTP(w, r)
	}
}

// operation names a request without SIDs.
func operation(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	for i, part := range parts {
		if len(part) == 34 && (strings.HasPrefix(part, "DG") || strings.HasPrefix(part, "DF")) {
			parts[i] = "SID"
		}
	}
	return r.Method + " " + strings.Join(parts, "/")
}

// meddling sets what becomes of requests from now on, counted from 0 again; nil
// lets them pass.
func (p *proxy) meddling(meddle func(n int, w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.meddle = nil, meddle
}

// requests are those that came since meddling was set.
func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// on meddles with one operation.
func on(name string, meddle func(w http.ResponseWriter, r *http.Request) bool) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		return operation(r) == name && meddle(w, r)
	}
}

// refuse answers as Twilio does when it will not.
func refuse(w http.ResponseWriter, status, code int, message string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code, "message": message})
	return true
}

// refusing meddles with one operation by refusing it.
func refusing(name string, status, code int, message string) func(int, http.ResponseWriter, *http.Request) bool {
	return on(name, func(w http.ResponseWriter, _ *http.Request) bool { return refuse(w, status, code, message) })
}

// edited passes the request on and has edit change the answer's JSON.
func (p *proxy) edited(w http.ResponseWriter, r *http.Request, edit func(answer map[string]any)) bool {
	recorder := httptest.NewRecorder()
	p.twilio.ServeHTTP(recorder, r)
	var answer map[string]any
	if json.Unmarshal(recorder.Body.Bytes(), &answer) == nil {
		edit(answer)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(recorder.Code)
	_ = json.NewEncoder(w).Encode(answer)
	return true
}

// lost has Twilio do what it is asked, and its answer never arrive.
func (p *proxy) lost(r *http.Request) bool {
	p.twilio.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}
