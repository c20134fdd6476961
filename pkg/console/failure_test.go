package console_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/console"
	"github.com/loquent/callstream/pkg/secrets"
)

// failing is the console before an API that knows an operator's key and, but for
// what it is given to answer by path, does not work.
type failing struct {
	*testing.T
	*http.Client
	address string
	answers map[string]string // JSON, by method and path
	status  int               // of every other path
}

func newFailing(t *testing.T, status int) *failing {
	t.Helper()
	keyring, err := secrets.Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{T: t, status: status, answers: map[string]string{
		"GET /api/me":            `{"name":"night shift","permissions":["admin"]}`,
		"GET /api/organizations": `{"organizations":[{"id":"one","name":"First"}]}`,
	}}
	pages, err := console.New(console.Config{API: http.HandlerFunc(f.answer), Sealer: keyring, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	f.address, f.Client = server.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	f.post("/sign-in", url.Values{"key": {"csk_1"}}, http.StatusSeeOther)
	return f
}

// answer is the API.
func (f *failing) answer(w http.ResponseWriter, r *http.Request) {
	if known, ok := f.answers[r.Method+" "+r.URL.Path]; ok {
		_, _ = io.WriteString(w, known)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "7")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": f.status, "title": "no", "detail": "the <b>database</b> does not answer"})
}

// read returns the page of an answer that is to have the status.
func (f *failing) read(r *http.Response, err error, status int) string {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	page, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		f.Errorf("%s: %d, want %d (%v)\n%s", r.Request.URL.Path, r.StatusCode, status, err, page)
	}
	return string(page)
}

func (f *failing) visit(path string, status int) string {
	f.Helper()
	r, err := f.Get(f.address + path) //nolint:noctx // a test's
	return f.read(r, err, status)
}

func (f *failing) post(path string, form url.Values, status int) string {
	f.Helper()
	r, err := f.PostForm(f.address+path, form) //nolint:noctx // a test's
	return f.read(r, err, status)
}

// While something that a page needs is away, the page says so and what to do,
// in the API's words, and goes on to have its menu.
func TestConsolePagesWhoseAPIFails(t *testing.T) {
	t.Parallel()
	f := newFailing(t, http.StatusServiceUnavailable)
	for _, path := range []string{
		"/pipeline", "/pipeline/plots", "/dead-letters", "/dead-letters/7", "/replays", "/replays/0f9f8c1e-0000-4000-8000-000000000004",
		"/settings/telephony", "/settings/events", "/settings/credentials", "/settings/health/findings", "/numbers", "/numbers/voice?number=%2B15550001111",
		"/keys", "/audit",
	} {
		page := f.visit(path, http.StatusServiceUnavailable)
		if !strings.Contains(page, "the &lt;b&gt;database&lt;/b&gt; does not answer") || !strings.Contains(page, "Try again") || !strings.Contains(page, `href="/settings/telephony"`) {
			t.Errorf("%s:\n%s", path, page)
		}
	}
}

// A process without NATS has no operations for the pipeline.
func TestConsoleWithoutAPipeline(t *testing.T) {
	t.Parallel()
	f := newFailing(t, http.StatusNotFound)
	for _, path := range []string{"/pipeline", "/dead-letters"} {
		if page := f.visit(path, http.StatusServiceUnavailable); !strings.Contains(page, "without NATS_URL") {
			t.Errorf("%s:\n%s", path, page)
		}
	}
}

// What the API refuses is told on the page of the form, with what was typed; but
// a token that was typed is in no page.
func TestConsoleFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := newFailing(t, http.StatusConflict)
	for path, answer := range map[string]string{
		"/api/numbers": `{"numbers":[]}`, "/api/keys": `{"keys":[]}`, "/api/twilio/settings": `{"account_sid":"AC1","call_events":{"active":true,"sink_sid":"DG1"}}`,
		"/api/deadletters/7": `{"id":7,"error":"a: b","status":{"state":"open"}}`, "/api/replays/8": `{"id":"8","spec":{"consumer":"calls"},"state":"running"}`,
	} {
		f.answers["GET "+path] = answer
	}
	for path, c := range map[string]struct {
		form  url.Values
		shown string
	}{
		"/settings/telephony":           {url.Values{"transcription_enabled": {"true"}}, "Configuration"},
		"/settings/telephony/recording": {url.Values{"on": {"true"}}, "Configuration"},
		"/settings/credentials":         {url.Values{"account_sid": {"AC2"}, "auth_token": {"sesame"}}, `value="AC2"`},
		"/settings/events/call/remove":  {url.Values{"confirm": {"call"}}, "DG1"},
		"/numbers":                      {url.Values{"number": {"+15550009999"}}, `value="&#43;15550009999"`},
		"/numbers/connect":              {url.Values{"number": {"+15550009999"}}, "Numbers"},
		"/numbers/voice":                {url.Values{"number": {"+15550009999"}, "action": {"voicemail"}, "greeting": {"Good day."}}, "Good day."},
		"/keys":                         {url.Values{"name": {"Clerk"}, "permissions": {"play"}}, `value="Clerk"`},
		"/keys/1/rotate":                {url.Values{"grace_hours": {"1"}}, "API keys"},
		"/keys/1/revoke":                {url.Values{"name": {"x"}, "confirm": {"x"}}, "API keys"},
		"/organizations":                {url.Values{"name": {"Second"}}, `value="Second"`},
		"/organizations/one/name":       {url.Values{"name": {"Second"}}, "First"},
		"/dead-letters/7/retry":         {nil, "Dead letter 7"},
		"/dead-letters/7/remove":        {url.Values{"reason": {"a test"}}, "Dead letter 7"},
		"/replays":                      {url.Values{"consumer": {"archiver"}, "rate": {"2.5"}}, `value="2.5"`},
		"/replays/8/cancel":             {nil, "Replay of calls"},
		"/replays/8/resume":             {nil, "Replay of calls"},
	} {
		page := f.post(path, c.form, http.StatusConflict)
		if !strings.Contains(page, "does not answer") || !strings.Contains(page, c.shown) || strings.Contains(page, "sesame") {
			t.Errorf("%s:\n%s", path, page)
		}
	}
	if page := f.post("/settings/events/call/setup", nil, http.StatusOK); !strings.Contains(page, "does not answer") {
		t.Errorf("set-up:\n%s", page)
	}
	for path, form := range map[string]url.Values{ // that the API is not asked about
		"/numbers": {}, "/keys": {"name": {"Clerk"}}, "/keys/1/revoke": {"name": {"Clerk"}, "confirm": {"Clark"}}, "/organizations": {"name": {" "}},
		"/dead-letters/7/remove": {}, "/settings/events/call/remove": {"confirm": {"sms"}}, "/settings/credentials": {"account_sid": {"AC1"}},
		"/replays": {"consumer": {"calls"}, "since": {"yesterday"}}, "/numbers/voice": {"action": {"forward"}, "to": {"client:a"}, "ring_seconds": {"long"}},
	} {
		f.post(path, form, http.StatusUnprocessableEntity)
	}
}
