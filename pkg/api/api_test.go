package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

const (
	org          = "0f9f8c1e-0000-4000-8000-000000000001"
	callSID      = "CA00000000000000000000000000000001"
	recordingSID = "RE00000000000000000000000000000001"
	quarantined  = "RE00000000000000000000000000000002"
	audio        = "0123456789"
)

// store is an archive of one call of org's, with one recording to play and one
// in quarantine.
type store struct {
	enabled  bool
	away     bool // the database does not answer
	asked    schema.CallFilter
	askedOrg string
}

func (s *store) APIKey(_ context.Context, key string) (schema.Principal, error) {
	if s.away {
		return schema.Principal{}, schema.Errorf(schema.Unavailable, "connection refused")
	}
	permissions := map[string][]string{"csk_read": {api.PermissionRead}, "csk_admin": {api.PermissionAdmin}}[key]
	if permissions == nil {
		return schema.Principal{}, schema.Errorf(schema.Unauthorized, "this API key is not known")
	}
	return schema.Principal{OrganizationID: org, Name: key, Permissions: permissions}, nil
}

func (s *store) CallRecord(_ context.Context, o, sid string) (schema.CallRecord, error) {
	if o != org || sid != callSID {
		return schema.CallRecord{}, schema.Errorf(schema.NotFound, "call %s is not known", sid)
	}
	return schema.CallRecord{
		CallFacts: schema.CallFacts{CallSID: callSID, From: "+12025550199"},
		Decision:  &schema.Decision{CallSID: callSID, Outcome: schema.NotStarted, Rule: schema.RuleDisabled},
	}, nil
}

func (s *store) CallRecords(_ context.Context, o string, f schema.CallFilter) ([]schema.CallRecord, string, error) {
	s.askedOrg, s.asked = o, f
	return nil, "next-page", nil
}

func (s *store) Timeline(context.Context, string, string) ([]schema.TimelineEntry, error) {
	return []schema.TimelineEntry{{CallSID: callSID, Kind: schema.KindCallAnswered, Sequence: 7}}, nil
}

func (s *store) RecordingRecord(_ context.Context, o, sid string) (schema.RecordingRecord, error) {
	switch {
	case o == org && sid == recordingSID:
		return schema.RecordingRecord{Object: &schema.Object{Key: "key", SHA256: "abc", Size: int64(len(audio))}}, nil
	case o == org && sid == quarantined:
		return schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{RecordingSID: sid}, Quarantined: true}, nil
	}
	return schema.RecordingRecord{}, schema.Errorf(schema.NotFound, "recording %s is not known", sid)
}

func (s *store) Open(context.Context, string) (io.ReadSeekCloser, error) {
	return struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader(audio), io.NopCloser(nil)}, nil
}

func (s *store) Settings(context.Context, string) (schema.Settings, error) {
	return schema.Settings{AccountSID: "AC1", RecordingEnabled: s.enabled}, nil
}

func (s *store) ChangeSettings(ctx context.Context, o string, c schema.SettingsChange) (schema.Settings, error) {
	s.askedOrg, s.enabled = o, *c.RecordingEnabled
	return s.Settings(ctx, o)
}

func (s *store) Audit(context.Context, string, schema.AuditEntry) error { return nil }

func (s *store) AuditLog(context.Context, string, int, string) ([]schema.AuditEntry, string, error) {
	return nil, "", nil
}

// request sends one and returns its answer and body.
func request(t *testing.T, s *store, key, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	h := api.New(api.Config{Keys: s, Calls: s, Recordings: s, Objects: s, Settings: s, Audit: s, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(method, path, bytes.NewBufferString(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func TestProblemsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, method, path string
		away                    bool
		status                  int
		says                    string
	}{
		{"no key", "", "GET", "/api/calls", false, 401, "Authorization: Bearer"},
		{"unknown key", "csk_none", "GET", "/api/calls", false, 401, "not known"},
		{"database away", "csk_read", "GET", "/api/calls", true, 503, "try again"},
		{"no permission to play", "csk_read", "GET", "/api/recordings/" + recordingSID + "/media", false, 403, `"play"`},
		{"no permission to update", "csk_read", "PATCH", "/api/twilio/settings", false, 403, `"update"`},
		{"no such call", "csk_read", "GET", "/api/calls/CA00000000000000000000000000000009", false, 404, "not known"},
		{"not a SID", "csk_read", "GET", "/api/calls/..%2Fsecret", false, 422, "pattern"},
		{"no such status", "csk_read", "GET", "/api/calls?status=gone", false, 422, "completed"},
		{"quarantined", "csk_admin", "GET", "/api/recordings/" + quarantined + "/media", false, 403, "quarantined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			response, body := request(t, &store{away: c.away}, c.key, c.method, c.path, "")
			if response.StatusCode != c.status || !strings.Contains(body, strings.ReplaceAll(c.says, `"`, `\"`)) {
				t.Errorf("answer %d %s, want %d that says %s", response.StatusCode, body, c.status, c.says)
			}
			if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestListPassesFilterAndOnlyTheKeysOrganization(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_read", "GET",
		"/api/calls?recorded=true&status=no_answer&number=0199&text=refund&limit=7&since=2026-01-02T03:04:05Z", "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	if s.askedOrg != org {
		t.Errorf("asked for organization %q", s.askedOrg)
	}
	f := s.asked
	if f.Recorded == nil || !*f.Recorded || f.Status != schema.StatusNoAnswer || f.Number != "0199" ||
		f.Text != "refund" || f.Limit != 7 || f.Since.Year() != 2026 {
		t.Errorf("filter %+v", f)
	}
	var page struct {
		Calls []any
		Next  string
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil || page.Next != "next-page" || page.Calls == nil {
		t.Errorf("page %s (%v): an empty page is [], not null", body, err)
	}
}

func TestTimelineSaysWhy(t *testing.T) {
	t.Parallel()
	_, body := request(t, &store{}, "csk_read", "GET", "/api/calls/"+callSID+"/timeline", "")
	for _, want := range []string{schema.RuleDisabled.Explain(), `"stream_seq":7`, `"outcome":"not_started"`} {
		if !strings.Contains(body, want) {
			t.Errorf("timeline %s lacks %s", body, want)
		}
	}
}

func TestMediaAnswersRanges(t *testing.T) {
	t.Parallel()
	path := "/api/recordings/" + recordingSID + "/media"
	response, body := request(t, &store{}, "csk_admin", "GET", path, "")
	if response.StatusCode != http.StatusOK || body != audio || response.Header.Get("Content-Type") != "audio/mpeg" {
		t.Errorf("whole: %d %q %q", response.StatusCode, body, response.Header.Get("Content-Type"))
	}
	response, body = request(t, &store{}, "csk_admin", "GET", path, "", "Range", "bytes=2-4")
	if response.StatusCode != http.StatusPartialContent || body != "234" {
		t.Errorf("range: %d %q", response.StatusCode, body)
	}
}

func TestToggleAndNoTokenInAnswers(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_admin", "PATCH", "/api/twilio/settings", `{"call_recording_enabled":true}`)
	if response.StatusCode != http.StatusOK || !s.enabled || s.askedOrg != org || !strings.Contains(body, `"call_recording_enabled":true`) {
		t.Errorf("%d %s, enabled %v for %q", response.StatusCode, body, s.enabled, s.askedOrg)
	}
	if strings.Contains(body, "very-secret") {
		t.Error("the answer shows the auth token")
	}
	if response, _ := request(t, s, "csk_admin", "PATCH", "/api/twilio/settings", `{"call_recording_enable":false}`); response.StatusCode != 422 {
		t.Errorf("a misspelt setting answers %d, want 422", response.StatusCode)
	}
}

func TestOpenAPIIsServedWithoutAKey(t *testing.T) {
	t.Parallel()
	response, body := request(t, &store{}, "", "GET", "/api/openapi.json", "")
	if response.StatusCode != http.StatusOK || !strings.Contains(body, `"openapi":"3.1`) || !strings.Contains(body, "/api/calls/{call_sid}/timeline") {
		t.Errorf("%d %.200s", response.StatusCode, body)
	}
}
