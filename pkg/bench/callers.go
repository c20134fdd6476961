package bench

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/loquent/callstream/ingress"
)

// callersPatience is how long ingress gives each of the steps for which a caller
// waits, at the least that its answer then takes.
const callersPatience = 700 * time.Millisecond

// callers remembers the calls whose answer took so long that ingress has gone
// on without what it asked or stored: such a call is answered, and not recorded.
type callers struct {
	mu   sync.Mutex
	late map[string]bool // by call SID
}

// watch looks how long requests for TwiML take.
func (c *callers) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != ingress.RouteVoice {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // Twilio's double has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		began := time.Now()
		defer func() { // also when the process is killed over it
			if form, err := url.ParseQuery(string(body)); err == nil && time.Since(began) >= callersPatience {
				c.note(form.Get("CallSid"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (c *callers) note(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.late == nil {
		c.late = make(map[string]bool)
	}
	c.late[call] = true
}

// waited reports whether a call's answer took too long.
func (c *callers) waited(call string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late[call]
}
