package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// A number is stored as calls spell it, however it was typed.
func TestAddNumber(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"+15550001111":         "+15550001111",
		" +1 (555) 000-1111":   "+15550001111",
		"sip:desk@Example.com": "sip:desk@example.com",
		"client:alice":         "client:alice",
	} {
		s := &store{}
		response, body := request(t, s, "csk_update", "POST", "/api/numbers", `{"number":"`+typed+`"}`)
		if response.StatusCode != 201 || s.number != want || !strings.Contains(body, `"`+want+`"`) {
			t.Errorf("%q: %d %s, added %q", typed, response.StatusCode, body, s.number)
		}
	}
	for _, typed := range []string{"15550001111", "anonymous", "", "+", "desk"} {
		s := &store{}
		response, body := request(t, s, "csk_update", "POST", "/api/numbers", `{"number":"`+typed+`"}`)
		if response.StatusCode != 422 || s.number != "" {
			t.Errorf("%q: %d %s", typed, response.StatusCode, body)
		}
	}
}

func TestNumbersInPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"%2B15550001111":                     "+15550001111",
		"+15550001111":                       "+15550001111",
		"sip:desk@example.com":               "sip:desk@example.com",
		"client:front%2Fdesk":                "client:front/desk",
		"15550001111":                        "15550001111", // which nobody has: no plus is put there
		"sip%3Adesk%40example.com%3Fx%3D%2B": "sip:desk@example.com?x=+",
	} {
		s := &store{}
		response, body := request(t, s, "csk_update", "DELETE", "/api/numbers/"+path, "")
		if response.StatusCode != 204 || body != "" || s.number != want {
			t.Errorf("%s: %d %s, removed %q", path, response.StatusCode, body, s.number)
		}
	}
}

func TestVoicePlan(t *testing.T) {
	t.Parallel()
	s := &store{}
	const path = "/api/numbers/%2B15550001111/voice"
	response, body := request(t, s, "csk_update", "PUT", path, `{"action":"forward","to":"client:alice","ring_seconds":20}`)
	want := &schema.VoicePlan{Action: schema.VoiceForward, To: "client:alice", RingSeconds: 20}
	if diff := cmp.Diff(want, s.plan); response.StatusCode != 200 || s.number != "+15550001111" || diff != "" {
		t.Errorf("%d %s for %q: %s", response.StatusCode, body, s.number, diff)
	}
	if response, _ = request(t, s, "csk_update", "DELETE", path, ""); response.StatusCode != 204 || s.plan != nil {
		t.Errorf("removed: %d, plan %+v", response.StatusCode, s.plan)
	}
	for _, plan := range []string{`{}`, `{"action":"dance"}`, `{"action":"voicemail","to":"client:alice"}`, `{"action":"voicemail","unknown":1}`} {
		s := &store{}
		if response, body := request(t, s, "csk_update", "PUT", path, plan); response.StatusCode != 422 || s.number != "" {
			t.Errorf("%s: %d %s", plan, response.StatusCode, body)
		}
	}
}

// What Twilio refuses is no fault of the caller's key.
func TestConnectNumber(t *testing.T) {
	t.Parallel()
	for code, want := range map[schema.Code]int{
		"": 200, schema.Unauthorized: 409, schema.Forbidden: 422, schema.Conflict: 409, schema.NotFound: 404, schema.Unavailable: 503,
	} {
		s := &store{}
		if code != "" {
			s.unlinked = schema.Errorf(code, "the account is closed")
		}
		response, body := request(t, s, "csk_update", "POST", "/api/numbers/%2B15550001111/connect", "")
		if response.StatusCode != want || s.number != "+15550001111" || s.asked[0] != org || (code == schema.Unavailable && !strings.Contains(body, "Twilio")) {
			t.Errorf("%q: %d %s of %q", code, response.StatusCode, body, s.number)
		}
	}
}
