package console_test

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/console"
	"github.com/loquent/callstream/pkg/secrets"
)

// desk is a console before an API that knows one key, by a clock of its own.
type desk struct {
	t       *testing.T
	now     time.Time
	asked   []*http.Request // of the API
	answers map[string]string
	pages   http.Handler
}

const goodKey = "csk_good"

func newDesk(t *testing.T, secure bool) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), answers: map[string]string{
		"/api/me":    `{"name": "Ada", "organization_id": "7", "permissions": ["read", "play"]}`,
		"/api/calls": `{"calls": []}`,
	}}
	keyring, err := secrets.Parse(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	d.pages, err = console.New(console.Config{
		API: http.HandlerFunc(d.api), Sealer: keyring, Secure: secure, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return d.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) api(w http.ResponseWriter, r *http.Request) {
	d.asked = append(d.asked, r)
	w.Header().Set("Content-Type", "application/json")
	if r.Header.Get("Authorization") != "Bearer "+goodKey {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"status": 401, "detail": "this API key is not known"}`))
		return
	}
	_, _ = w.Write([]byte(d.answers[r.URL.Path]))
}

// ask sends the console a request with the cookies.
func (d *desk) ask(method, path string, form url.Values, cookies ...*http.Cookie) *http.Response {
	d.t.Helper()
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	d.pages.ServeHTTP(w, r)
	return w.Result()
}

// enter signs in and returns the session's cookie.
func (d *desk) enter(next string) (*http.Response, *http.Cookie) {
	d.t.Helper()
	answer := d.ask(http.MethodPost, "/sign-in", url.Values{"key": {" " + goodKey + "\n"}, "next": {next}})
	cookies := answer.Cookies()
	if answer.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
		d.t.Fatalf("signing in: %d, %d cookies", answer.StatusCode, len(cookies))
	}
	return answer, cookies[0]
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		_, cookie := newDesk(t, secure).enter("")
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge <= 0 {
			t.Errorf("the cookie is %+v", cookie)
		}
		if cookie.Secure != secure || strings.HasPrefix(cookie.Name, "__Host-") != secure {
			t.Errorf("https is %v and the cookie %s is secure: %v", secure, cookie.Name, cookie.Secure)
		}
		if plain, _ := base64.RawURLEncoding.DecodeString(cookie.Value); strings.Contains(string(plain), goodKey) || strings.Contains(cookie.Value, goodKey) {
			t.Error("the key can be read from the cookie")
		}
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	_, cookie := d.enter("")
	d.now = d.now.Add(11 * time.Hour)
	answer := d.ask(http.MethodGet, "/calls", nil, cookie)
	if answer.StatusCode != http.StatusOK || len(answer.Cookies()) != 1 {
		t.Fatalf("after 11 hours: %d, %d cookies", answer.StatusCode, len(answer.Cookies()))
	}
	renewed := answer.Cookies()[0]
	d.now = d.now.Add(11 * time.Hour)
	if answer := d.ask(http.MethodGet, "/calls", nil, renewed); answer.StatusCode != http.StatusOK {
		t.Errorf("a session that is used ended: %d", answer.StatusCode)
	}
	if answer := d.ask(http.MethodGet, "/calls?number=1", nil, cookie); answer.Header.Get("Location") != "/sign-in?next=%2Fcalls%3Fnumber%3D1" {
		t.Errorf("an old cookie leads to %q", answer.Header.Get("Location"))
	}
}

// What was not sealed here, or was for something else, is nobody's session.
func TestForgedSessions(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	_, cookie := d.enter("")
	plain, err := json.Marshal(map[string]any{"key": goodKey, "made": d.now})
	if err != nil {
		t.Fatal(err)
	}
	altered := *cookie
	altered.Value = altered.Value[:len(altered.Value)-2] + "AA"
	for name, value := range map[string]string{"plain": base64.RawURLEncoding.EncodeToString(plain), "altered": altered.Value, "empty": "", "noise": "%%%"} {
		if answer := d.ask(http.MethodGet, "/calls", nil, &http.Cookie{Name: cookie.Name, Value: value}); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("a cookie that is %s opens the console: %d", name, answer.StatusCode)
		}
	}
}

// Nobody is led to another site by what an address says.
func TestSigningInStaysHere(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/calls?text=a": "/calls?text=a", "": "/", "https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "/sign-out": "/", "calls": "/", "/\r\nX: y": "/",
	} {
		answer, _ := newDesk(t, false).enter(next)
		if got := answer.Header.Get("Location"); got != want {
			t.Errorf("next %q leads to %q, want %q", next, got, want)
		}
	}
}

// The API holds back who tries keys by where they are, which only the console
// knows.
func TestTheAPISeesWhoVisits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	answer := d.ask(http.MethodPost, "/sign-in", url.Values{"key": {"csk_guess"}})
	if answer.StatusCode != http.StatusUnauthorized || len(answer.Cookies()) > 0 {
		t.Errorf("a wrong key: %d, %d cookies", answer.StatusCode, len(answer.Cookies()))
	}
	if len(d.asked) != 1 || d.asked[0].RemoteAddr != "192.0.2.1:1234" {
		t.Errorf("the API was asked by %v", d.asked)
	}
}

// Another site cannot have the visitor's browser do anything here.
func TestOtherSitesCannotPost(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	_, cookie := d.enter("")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-out", nil)
	r.AddCookie(cookie)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	d.pages.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a form on another site signs out: %d", w.Code)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	_, cookie := d.enter("")
	for _, path := range []string{"/sign-in", "/calls", "/nowhere", "/static/nothing.js", "/"} {
		h := d.ask(http.MethodGet, path, nil, cookie).Header
		if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// Files are kept by browsers for good, since a change changes their address.
func TestStaticFilesAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	body := new(strings.Builder)
	answer := d.ask(http.MethodGet, "/sign-in", nil)
	if err := answer.Write(body); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(body.String(), `<link rel="stylesheet" href="`)
	address, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no style sheet in %s", body)
	}
	file := d.ask(http.MethodGet, address, nil)
	if file.StatusCode != http.StatusOK || !strings.Contains(file.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(file.Header.Get("Content-Type"), "text/css") {
		t.Errorf("%s: %d %v", address, file.StatusCode, file.Header)
	}
}
