package api_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

const setupPath = "/api/twilio/setup-event-sink"

var errTwilioBusy = errors.New("no more requests for now, says Twilio")

// setupAnswer is the answer to a set-up, or its problem.
type setupAnswer struct {
	Status int
	Detail string
	SMS    *schema.SinkSetup
	Call   *schema.SinkSetup
	Errors []struct{ Location, Message string }
}

func setup(t *testing.T, s *store, body string) (answer setupAnswer, status int, retryAfter string) {
	t.Helper()
	response, raw := request(t, s, "csk_TwilioCollectionPermission::Create", "POST", setupPath, body)
	if err := json.Unmarshal([]byte(raw), &answer); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if response.StatusCode == 200 && !(strings.Contains(raw, `"sms":`) && strings.Contains(raw, `"call":`)) {
		t.Errorf("%s: what was not asked for is null, not absent", raw)
	}
	if problem := response.Header.Get("Content-Type") == "application/problem+json"; problem == (response.StatusCode == 200) {
		t.Errorf("%d as %s", response.StatusCode, response.Header.Get("Content-Type"))
	}
	return answer, response.StatusCode, response.Header.Get("Retry-After")
}

func TestSetUpEachKindAlone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body string
		want []schema.EventKind
	}{
		{`{"sms_events":true,"call_events":true}`, []schema.EventKind{schema.SMSEvents, schema.CallEvents}},
		{`{"sms_events":true,"call_events":false}`, []schema.EventKind{schema.SMSEvents}},
		{`{"call_events":true}`, []schema.EventKind{schema.CallEvents}},
	} {
		s := &store{}
		answer, status, _ := setup(t, s, c.body)
		if status != 200 || !slices.Equal(s.setup, c.want) {
			t.Errorf("%s: %d, set up %v", c.body, status, s.setup)
		}
		if (answer.SMS != nil) != slices.Contains(c.want, schema.SMSEvents) || (answer.Call != nil) != slices.Contains(c.want, schema.CallEvents) {
			t.Errorf("%s: %+v", c.body, answer)
		}
	}
	for _, body := range []string{`{}`, `{"sms_events":false,"call_events":false}`, `{"sms":true}`} {
		s := &store{}
		if _, status, _ := setup(t, s, body); status != 422 || len(s.setup) > 0 {
			t.Errorf("%s: %d, set up %v", body, status, s.setup)
		}
	}
}

// One kind's failure neither stops the other nor hides what was done with it.
func TestSetUpOfWhichAPartFails(t *testing.T) {
	t.Parallel()
	s := &store{sinkErr: map[schema.EventKind]error{
		schema.SMSEvents: &schema.Error{Code: schema.RateLimited, RetryAfter: 1500 * time.Millisecond, Err: errTwilioBusy},
	}}
	answer, status, wait := setup(t, s, `{"sms_events":true,"call_events":true}`)
	if status != 429 || wait != "2" || answer.Status != 429 || answer.Detail != errTwilioBusy.Error() {
		t.Errorf("%d, wait %q, %+v", status, wait, answer)
	}
	if answer.SMS != nil || answer.Call == nil || answer.Call.SinkSID == "" {
		t.Errorf("what was done: %+v", answer)
	}
	if len(answer.Errors) != 1 || answer.Errors[0].Location != "sms" || answer.Errors[0].Message != answer.Detail {
		t.Errorf("errors %+v", answer.Errors)
	}
}

func TestSetUpOfWhichBothFail(t *testing.T) {
	t.Parallel()
	s := &store{sinkErr: map[schema.EventKind]error{
		schema.SMSEvents:  schema.Errorf(schema.Conflict, "somebody else's sink is at this address"),
		schema.CallEvents: schema.Errorf(schema.Unavailable, "dial tcp 10.0.0.7:443: timeout"),
	}}
	answer, status, _ := setup(t, s, `{"sms_events":true,"call_events":true}`)
	if status != 409 || len(answer.Errors) != 2 || answer.Errors[1].Location != "call" {
		t.Errorf("%d %+v", status, answer)
	}
	if text := answer.Errors[1].Message; strings.Contains(text, "10.0.0.7") || !strings.Contains(text, "try again") {
		t.Errorf("the second says %q", text)
	}
}

// That Twilio refuses the account's token does not mean that the API key is
// wrong: a client would ask for another.
func TestTwilioRefusesTheAccount(t *testing.T) {
	t.Parallel()
	s := &store{sinkErr: map[schema.EventKind]error{
		schema.SMSEvents:  schema.Errorf(schema.Unauthorized, "authenticate (20003)"),
		schema.CallEvents: schema.Errorf(schema.Forbidden, "account suspended (20005)"),
	}}
	if answer, status, _ := setup(t, s, `{"sms_events":true}`); status != 409 || !strings.Contains(answer.Detail, settingsPath) {
		t.Errorf("a wrong token: %d %+v", status, answer)
	}
	for _, path := range []string{"remove-event-sink", "update-event-subscription"} {
		response, body := request(t, s, "csk_admin", "POST", "/api/twilio/"+path, `{"event_type":"call"}`)
		if response.StatusCode != 422 || !strings.Contains(body, "20005") {
			t.Errorf("%s for a suspended account: %d %s", path, response.StatusCode, body)
		}
	}
}

func TestRemoveEventSink(t *testing.T) {
	t.Parallel()
	const path = "/api/twilio/remove-event-sink"
	s := &store{sinkErr: map[schema.EventKind]error{schema.SMSEvents: schema.Errorf(schema.Unavailable, "timeout")}}
	for body, want := range map[string]int{
		`{"event_type":"call"}`:               200,
		`{"event_type":"sms"}`:                503,
		`{"event_type":"sms","forget":true}`:  200,
		`{"event_type":"fax"}`:                422,
		`{"forget":true}`:                     422,
		`{"event_type":"sms","force":"true"}`: 422,
	} {
		response, answer := request(t, s, "csk_TwilioCollectionPermission::Delete", "POST", path, body)
		if response.StatusCode != want || (want == 200 && !strings.Contains(answer, `"removed":true`)) {
			t.Errorf("%s: %d %s, want %d", body, response.StatusCode, answer, want)
		}
	}
}

// What is wrong with an account is an answer, not an error.
func TestHealth(t *testing.T) {
	t.Parallel()
	_, body := request(t, &store{}, "csk_read", "GET", "/api/twilio/health", "")
	if body != `{"findings":[]}`+"\n" {
		t.Errorf("no findings: %s", body)
	}
	s := &store{findings: []schema.Finding{
		{Check: "twilio.credentials", Severity: schema.SeverityFailed, Advice: "change the token"},
		{Check: "twilio.sinks", Severity: schema.SeverityOK},
	}}
	response, body := request(t, s, "csk_read", "GET", "/api/twilio/health", "")
	first, second := strings.Index(body, "change the token"), strings.Index(body, "twilio.sinks")
	if response.StatusCode != 200 || first < 0 || second < first {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}
