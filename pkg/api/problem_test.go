package api_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/api"
)

func TestProblemsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, method, path, body string
		away                          bool
		status                        int
		says                          string
	}{
		{"no key", "", "GET", "/api/calls", "", false, 401, "Authorization: Bearer"},
		{"another scheme", "", "GET", "/api/me", "", false, 401, "Authorization: Bearer"},
		{"unknown key", "csk_none", "GET", "/api/calls", "", false, 401, "not known"},
		{"database away", "csk_read", "GET", "/api/calls", "", true, 503, "try again"},
		{"no permission to play", "csk_read", "GET", "/api/recordings/" + recordingSID + "/media", "", false, 403, `"play"`},
		{"no such call", "csk_read", "GET", "/api/calls/CA00000000000000000000000000000009", "", false, 404, "not known"},
		{"not a SID", "csk_read", "GET", "/api/calls/..%2Fsecret", "", false, 422, "path.call_sid"},
		{"no such status", "csk_read", "GET", "/api/calls?status=gone", "", false, 422, "completed"},
		{"no such message status", "csk_read", "GET", "/api/messages?status=gone", "", false, 422, "delivered"},
		{"a misspelt filter", "csk_read", "GET", "/api/calls?recorde=true", "", false, 422, "query.recorde"},
		{"quarantined", "csk_admin", "GET", "/api/recordings/" + quarantined + "/media", "", false, 403, "quarantined"},
		{"no body", "csk_admin", "PATCH", "/api/twilio/settings", "", false, 422, "update-twilio-settings"},
		{"no JSON", "csk_admin", "PATCH", "/api/twilio/settings", "call_recording_enabled=true", false, 400, "invalid character"},
		{"nothing to change", "csk_admin", "PATCH", "/api/twilio/settings", "{}", false, 422, "at least one"},
		{"nothing but null", "csk_admin", "PATCH", "/api/twilio/settings", `{"region":null}`, false, 422, "at least one"},
		{"a misspelt setting", "csk_admin", "PATCH", "/api/twilio/settings", `{"call_recording_enable":false}`, false, 422, "body.call_recording_enable"},
		{"a body too long", "csk_admin", "PATCH", "/api/twilio/settings", strings.Repeat(" ", 64<<10), false, 413, "too large"},
		{"no such path", "csk_admin", "GET", "/api/call", "", false, 404, "/api/openapi.json"},
		{"no such method", "csk_admin", "DELETE", "/api/calls", "", false, 405, "/api/calls takes GET, HEAD, not DELETE"},
		{"a plan that makes no sense", "csk_admin", "PUT", "/api/numbers/%2B15550001111/voice", `{"action":"forward"}`, false, 422, "sip:user@host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			response, body := request(t, &store{away: c.away}, c.key, c.method, c.path, c.body)
			var problem struct {
				Status int
				Title  string
				Detail string
			}
			if err := json.Unmarshal([]byte(body), &problem); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if response.StatusCode != c.status || problem.Status != c.status || problem.Title != http.StatusText(c.status) {
				t.Errorf("answer %d %s, want %d", response.StatusCode, body, c.status)
			}
			if !strings.Contains(problem.Detail, c.says) {
				t.Errorf("%q does not say %s", problem.Detail, c.says)
			}
			if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

// What the database says when it is away is for the log, not for a caller.
func TestCausesStayInTheLog(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h := (&store{away: true}).handler(func(c *api.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	_, body := ask(t, h, "csk_read", "GET", "/api/me", "")
	if strings.Contains(body, "10.0.0.7") || !strings.Contains(log.String(), "10.0.0.7") {
		t.Errorf("answer %s, log %s", body, log.String())
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/me", "/api/nowhere", "/api/openapi.json", "/api/recordings/" + recordingSID + "/media"} {
		response, _ := request(t, &store{}, "csk_play", "GET", path, "")
		if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, response.Header)
		}
	}
}
