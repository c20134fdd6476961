package console

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/secrets"
)

// who is an API that knows everybody by a key which says what they may, and
// notes what it was asked.
type who struct {
	asked []string
	keys  []string // it was asked with
}

func (a *who) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.asked, a.keys = append(a.asked, r.Method+" "+r.URL.Path), append(a.keys, key)
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/api/me" {
		_, _ = io.WriteString(w, "{}")
		return
	}
	me := visitor{Name: key, OrganizationID: "1"}
	if permission, ok := strings.CutPrefix(key, operatorsMay); ok {
		me.OrganizationID, key = "", permission
	}
	me.Permissions = []string{key}
	_ = json.NewEncoder(w).Encode(me)
}

// beyondWho reports whether anything was asked but who somebody is, and which
// organizations an operator may choose from.
func (a *who) beyondWho() bool {
	return slices.ContainsFunc(a.asked, func(s string) bool { return s != "GET /api/me" && s != "GET /api/organizations" })
}

// gateway is a console on such an API.
func gateway(t *testing.T, key string) (*console, http.Handler, *who) {
	t.Helper()
	ring, err := secrets.Parse(strings.Repeat(key, 43) + "=")
	if err != nil {
		t.Fatal(err)
	}
	api := &who{}
	config := Config{API: api, Sealer: ring, Logger: slog.New(slog.DiscardHandler), Clock: time.Now}
	handler, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return &console{Config: config}, handler, api
}

// asks sends a request for the route, with the cookie of whoever holds the key;
// an empty one is nobody's.
func (c *console) asks(t *testing.T, h http.Handler, pattern, key string, header ...string) *http.Response {
	t.Helper()
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = http.MethodGet, pattern
	}
	path = strings.NewReplacer("{$}", "", "{id}", "1", "{kind}", "call", "{sid}", "CA1").Replace(path)
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("a=b"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		made := httptest.NewRecorder()
		if err := c.keep(made, r, session{Key: key}); err != nil {
			t.Fatal(err)
		}
		for _, cookie := range made.Result().Cookies() {
			r.AddCookie(cookie)
		}
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// Every route × every permission, an organization's and an operator's: who may
// not is told so, and nothing is asked for them. A new route takes part by being
// there.
func TestConsoleAccess(t *testing.T) {
	t.Parallel()
	c, h, api := gateway(t, "a")
	permissions := []string{mayRead, mayPlay, mayUpdate, mayOperate, mayAdmin, maySinkCreate, maySinkDelete}
	for _, r := range c.routes() {
		if r.permission == anyone {
			continue
		}
		for _, permission := range permissions {
			for _, key := range []string{permission, operatorsMay + permission} {
				api.asked = nil
				status := c.asks(t, h, r.pattern, key).StatusCode
				needs, operators := strings.CutPrefix(r.permission, operatorsMay)
				may := (needs == "" || permission == needs || permission == mayAdmin) && (!operators || key != permission)
				if !may && (status != http.StatusForbidden || api.beyondWho()) {
					t.Errorf("%s by %s: %d, having asked for %q", r.pattern, key, status, api.asked)
				}
				if may && needs != "" && status == http.StatusForbidden {
					t.Errorf("%s by %s is forbidden", r.pattern, key)
				}
			}
		}
	}
}

// Nobody sees or does anything without a session that was made here, and what
// another site's page sends does nothing with one.
func TestConsoleBelievesNobody(t *testing.T) {
	t.Parallel()
	c, h, api := gateway(t, "a")
	other, _, _ := gateway(t, "b")
	for _, r := range c.routes() {
		if r.permission == anyone {
			continue
		}
		for what, response := range map[string]*http.Response{
			"nobody":                   c.asks(t, h, r.pattern, ""),
			"a session made elsewhere": other.asks(t, h, r.pattern, mayAdmin),
			"a session made up":        c.asks(t, h, r.pattern, "", "Cookie", sessionCookie+"=eyJrZXkiOiJhZG1pbiJ9"),
		} {
			if response.StatusCode < 300 || len(api.asked) > 0 {
				t.Errorf("%s by %s: %d, having asked for %q", r.pattern, what, response.StatusCode, api.asked)
			}
		}
		if !strings.HasPrefix(r.pattern, "POST ") {
			continue
		}
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			if status := c.asks(t, h, r.pattern, mayAdmin, header...).StatusCode; status != http.StatusForbidden || len(api.asked) > 0 {
				t.Errorf("%s from another site (%s): %d, having asked for %q", r.pattern, header, status, api.asked)
			}
		}
	}
}
