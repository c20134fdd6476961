package ingress_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loquent/callstream/schema"
)

// answered is the status callback of a dialled leg that was answered.
var answered = url.Values{
	"AccountSid": {accountSID}, "CallSid": {callSID}, "ParentCallSid": {parentSID}, "CallStatus": {"in-progress"},
	"From": {"+1 (500) 555-0001"}, "To": {"sip:Bob@Example.com;transport=tls"}, "Direction": {"outbound-dial"},
	"Timestamp": {"Wed, 04 Mar 2026 18:15:40 +0000"}, "CallbackSource": {"call-progress-events"},
	"SequenceNumber": {"2"}, "CallerName": {" José & Söhne "}, "ApiVersion": {"2010-04-01"}, "FromCity": {""},
}

// completed is the status callback of the same leg after ten hours.
var completed = with(answered, "CallStatus", "completed", "CallDuration", "37250", "Duration", "621",
	"Timestamp", "Thu, 05 Mar 2026 04:36:30 +0000", "RecordingUrl", "https://api.twilio.com/x", "RecordingSid", recordSID)

var (
	answeredAt = time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	endedAt    = time.Date(2026, 3, 5, 4, 36, 30, 0, time.UTC)
	tenHours   = 37250
	noTime     = 0
)

// leg is what both callbacks say of it.
var leg = schema.CallFacts{
	CallSID: callSID, ParentCallSID: parentSID, From: "+15005550001", To: "sip:Bob@example.com",
	Leg: schema.LegOutboundDial, Caller: "José & Söhne",
}

func facts(change func(*schema.CallFacts)) schema.CallFacts {
	f := leg
	change(&f)
	return f
}

// ignoreSource leaves out what tests of the source look at.
var ignoreSource = cmpopts.IgnoreFields(schema.Header{}, "SourceEvent", "SourceID", "SourceType", "Origin")

func header(at time.Time) schema.Header {
	return schema.Header{AccountSID: accountSID, OrganizationID: org, OccurredAt: at}
}

func TestCallAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answer := w.callback("/twilio/call-status", answered)
	w.status("answered", answer, http.StatusOK)
	got := w.one("answered").(schema.CallAnswered)
	want := schema.CallAnswered{Header: header(answeredAt), Call: facts(func(f *schema.CallFacts) {
		f.Status, f.AnsweredAt = schema.StatusInProgress, &answeredAt
	})}
	if diff := cmp.Diff(want, got, ignoreSource); diff != "" {
		t.Error(diff)
	}
	if got.Origin != schema.OriginCallback || got.SourceID != "" {
		t.Errorf("origin %s, source %q", got.Origin, got.SourceID)
	}
	w.counted("call.answered", "stored", 1)
}

func TestCallCompleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.status("completed", w.callback("/twilio/call-status?org="+org, completed), http.StatusOK)
	want := schema.CallCompleted{Header: header(endedAt), Call: facts(func(f *schema.CallFacts) {
		f.Status, f.EndedAt, f.Duration = schema.StatusCompleted, &endedAt, &tenHours
	})}
	if diff := cmp.Diff(want, w.one("completed"), ignoreSource); diff != "" {
		t.Error(diff)
	}
}

// A call that nobody took ends without an answer, in the vocabulary of REST.
func TestCallNotAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for status, want := range map[string]schema.CallStatus{
		"busy": schema.StatusBusy, "no-answer": schema.StatusNoAnswer, "failed": schema.StatusFailed,
		"canceled": schema.StatusCanceled, "noanswer": schema.StatusNoAnswer,
	} {
		w.callback("/twilio/call-status", with(completed, "CallStatus", status, "CallDuration", "0"))
		wanted := facts(func(f *schema.CallFacts) { f.Status, f.EndedAt, f.Duration = want, &endedAt, &noTime })
		if diff := cmp.Diff(wanted, w.one(status).(schema.CallCompleted).Call); diff != "" {
			t.Errorf("%s: %s", status, diff)
		}
	}
}

func TestCallStatusesThatDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, status := range []string{"queued", "initiated", "ringing"} {
		answer := w.callback("/twilio/call-status", with(answered, "CallStatus", status))
		w.status(status, answer, http.StatusOK)
		w.nothing(status)
		w.counted("call."+status, "ignored", 1)
	}
}

// A request for what to do next says "in-progress" too, and is no news.
func TestActionRequestsAreNoAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"DialCallStatus", "DialCallSid", "RecordingUrl", "RecordingSid", "Digits", "SpeechResult"} {
		action := with(answered, "Timestamp", "", "CallbackSource", "")
		action[name] = []string{""}
		answer := w.callback("/twilio/call-status", action)
		w.status(name, answer, http.StatusOK)
		w.nothing(name)
	}
	w.counted("call.action", "ignored", 6)
}

// An action request that comes when the caller has hung up knows no end and no
// duration. The fuller callback must not be taken for a repeat of it.
func TestUntimedNewsDoesNotShadow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.callback("/twilio/call-status", with(completed, "Timestamp", "", "CallDuration", "", "DialCallStatus", "completed"))
	poor := w.one("action request")
	w.callback("/twilio/call-status", completed)
	full := w.one("callback")
	if poor.MsgID() == full.MsgID() || full.MsgID() != "call.completed:"+callSID {
		t.Errorf("message ids %q and %q", poor.MsgID(), full.MsgID())
	}
	if schema.Subject(poor) != schema.Subject(full) {
		t.Errorf("subjects %q and %q", schema.Subject(poor), schema.Subject(full))
	}
	data, err := json.Marshal(poor)
	if err != nil {
		t.Fatal(err)
	}
	event, err := schema.Decode(schema.Subject(poor), data)
	if err != nil {
		t.Fatal(err)
	}
	call := event.(schema.CallCompleted).Call
	if call.Status != schema.StatusCompleted || call.EndedAt != nil || call.Duration != nil {
		t.Errorf("facts %+v", call)
	}
	if at := event.Meta().OccurredAt; !at.Equal(now) {
		t.Errorf("occurred at %v, want the time of receipt %v", at, now)
	}
}

// Who withheld a number is unknown, by whichever spelling.
func TestWithheldAndAddressedParties(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct{ from, caller, want string }{
		{"anonymous", "anonymous", ""}, {"+266696687", "", ""}, {"", "", ""}, {"", "+15005550001", "+15005550001"},
		{"client:alice", "client:alice", "client:alice"}, {"sim:DE1", "", "sim:DE1"},
		{"\x00+15005550001", "", "+15005550001"},
	} {
		w.callback("/twilio/call-status", with(completed, "From", test.from, "Caller", test.caller))
		if got := w.one(test.from).(schema.CallCompleted).Call.From; got != test.want {
			t.Errorf("from %q or %q: %q, want %q", test.from, test.caller, got, test.want)
		}
	}
}

// What a callback said is kept, to the last parameter.
func TestCallbackIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := with(completed, "New", "as Twilio adds them")
	form["Twice"] = []string{"b", "a"}
	w.callback("/twilio/call-status", form)
	var kept map[string]any
	if err := json.Unmarshal(w.one("callback").Meta().SourceEvent, &kept); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Twice": []any{"b", "a"}}
	for name, values := range form {
		if len(values) == 1 {
			want[name] = values[0]
		}
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Error(diff)
	}
}

// The answer to whatever may be an action URL is TwiML, or the call breaks.
func TestCallStatusAnswersTwiML(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publisher.publish = func(_ context.Context, events []schema.Event) error {
		if events[0].Kind() == schema.KindCallCompleted {
			return away
		}
		return nil
	}
	forged := formRequest(otherToken, "/twilio/call-status", answered.Encode())
	for _, test := range []struct {
		what   string
		answer *httptest.ResponseRecorder
		status int
	}{
		{"stored", w.callback("/twilio/call-status", answered), http.StatusOK},
		{"ignored", w.callback("/twilio/call-status", with(answered, "CallStatus", "ringing")), http.StatusOK},
		{"dead letter", w.callback("/twilio/call-status", with(answered, "CallSid", "CA1")), http.StatusOK},
		{"not stored", w.callback("/twilio/call-status", completed), http.StatusServiceUnavailable},
		{"forged", w.post(forged), http.StatusForbidden},
	} {
		w.status(test.what, test.answer, test.status)
		if got := test.answer.Header().Get("Content-Type"); got != "text/xml" {
			t.Errorf("%s: content type %q", test.what, got)
		}
		if got := test.answer.Body.String(); got != "<Response/>" {
			t.Errorf("%s: body %q", test.what, got)
		}
	}
}

// A callback that is signed but makes no sense is kept for people to look at.
func TestCallbackDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for what, form := range map[string]url.Values{
		"no call":               with(answered, "CallSid", ""),
		"a call that is none":   with(answered, "CallSid", "CA../../x"),
		"a parent that is none": with(completed, "ParentCallSid", "CA1"),
		"no status":             with(answered, "CallStatus", ""),
		"an unknown status":     with(answered, "CallStatus", "levitating"),
		"too long a number":     with(answered, "From", "sip:"+strings.Repeat("a", 300)+"@example.com"),
	} {
		answer := w.callback("/twilio/call-status", form)
		w.status(what, answer, http.StatusOK)
		letter := w.letter(what)
		if letter.Reason != schema.ReasonUndecodable || string(letter.Data) != form.Encode() {
			t.Errorf("%s: %s with %q", what, letter.Reason, letter.Data)
		}
	}
}
