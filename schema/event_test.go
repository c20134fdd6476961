package schema_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

const (
	accountSID   = "AC00000000000000000000000000000001"
	callSID      = "CA00000000000000000000000000000002"
	recordingSID = "RE00000000000000000000000000000003"
	messageSID   = "SM00000000000000000000000000000004"
)

// example is an event of each kind, with every field set, and its identity.
type example struct {
	event           schema.Event
	subject, msgID  string
	call, recording string
}

func examples() []example {
	at := time.Date(2026, 3, 4, 18, 15, 40, 377000, time.UTC)
	seconds := 37250
	header := schema.Header{
		AccountSID: accountSID, OrganizationID: "7", OccurredAt: at, Origin: schema.OriginEventStream,
		SourceID: "EZ1", SourceType: "com.example", SourceEvent: json.RawMessage(`{"id":"EZ1"}`),
	}
	call := schema.CallFacts{
		CallSID: callSID, ParentCallSID: "CA" + callSID[2:], From: "+15005550001", To: "client:alice",
		Leg: schema.LegOutboundDial, Status: schema.StatusCompleted, StartedAt: &at, AnsweredAt: &at, EndedAt: &at,
		Duration: &seconds, TrunkSID: "TK1", Caller: "José & Söhne",
	}
	recording := schema.RecordingFacts{
		RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingCompleted, Source: "Trunking",
		Track: "both", Channels: 2, Duration: &seconds, StartedAt: &at, ErrorCode: 16107,
	}
	decision := schema.Decision{CallSID: callSID, Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, DecidedAt: at}
	message := schema.MessageUpdated{
		Header: header, MessageSID: messageSID, Status: schema.MessageDelivered, From: "+15005550001",
		To: "+15005550006", Body: "hello", Segments: 1, Media: 2, ErrorCode: 30003, MessagingServiceSID: "MG1",
	}
	object := schema.Object{URL: "s3://b/k", Key: "k", Size: 1, SHA256: "ab"}
	return []example{
		{schema.CallAnswered{Header: header, Call: call}, "call.answered." + accountSID, "call.answered:" + callSID, callSID, ""},
		{schema.CallReceived{Header: header, Call: call, Decision: &decision}, "call.received." + accountSID, "call.received:" + callSID, callSID, ""},
		{schema.CallCompleted{Header: header, Call: call}, "call.completed." + accountSID, "call.completed:" + callSID, callSID, ""},
		{
			schema.InsightsSummary{Header: header, Call: call, ProcessingState: "complete", CallType: "trunking"},
			"insights.summary." + accountSID, "insights.summary:" + callSID + ":complete", callSID, "",
		},
		{
			schema.RecordingProcessed{Header: header, Recording: recording},
			"recording.processed." + accountSID, "recording.processed:" + recordingSID + ":completed", callSID, recordingSID,
		},
		{
			schema.RecordingArchived{Header: header, Recording: recording, Object: object},
			"recording.archived." + accountSID, "recording.archived:" + recordingSID, callSID, recordingSID,
		},
		{
			schema.RecordingTranscribed{Header: header, Recording: recording, Skipped: true},
			"recording.transcribed." + accountSID, "recording.transcribed:" + recordingSID, callSID, recordingSID,
		},
		{message, "message.delivered." + accountSID, "message.delivered:" + messageSID, "", ""},
	}
}

// What is published comes back as it was, under the identity that the streams'
// contract promises.
func TestEventsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range examples() {
		if got := schema.Subject(want.event); got != want.subject {
			t.Errorf("subject %q, want %q", got, want.subject)
		}
		data, err := json.Marshal(want.event)
		if err != nil {
			t.Fatal(err)
		}
		got, err := schema.Decode(want.subject, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.event, got); diff != "" {
			t.Errorf("%s: %s", want.subject, diff)
		}
		if id := got.MsgID(); id != want.msgID {
			t.Errorf("message id %q, want %q", id, want.msgID)
		}
		if call, recording := got.Refs(); call != want.call || recording != want.recording {
			t.Errorf("%s: refs %q, %q, want %q, %q", want.subject, call, recording, want.call, want.recording)
		}
	}
}

// Every subject of an event is one that the stream stores, and only the kind
// and the account are in it.
func TestSubjectsBelongToTheStream(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		first, _, _ := strings.Cut(e.subject, ".")
		stored := false
		for _, filter := range schema.StreamCallsSubjects {
			stored = stored || filter == first+".>"
		}
		if !stored || strings.Count(e.subject, ".") != 2 {
			t.Errorf("subject %q", e.subject)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	answered := []byte(`{"account_sid":"` + accountSID + `","occurred_at":"2026-03-04T18:15:40Z","call":{"call_sid":"` + callSID + `"}}`)
	for _, test := range []struct {
		what, subject string
		data          []byte
	}{
		{"no subject", "", answered},
		{"no account in the subject", "call.answered", answered},
		{"a subject of no event", "call.transferred." + accountSID, answered},
		{"a dead letter's subject", "deadletter.calls.exhausted", answered},
		{"bytes that are not JSON", "call.answered." + accountSID, []byte("<Response/>")},
		{"another form", "call.answered." + accountSID, []byte(`[]`)},
		{"nothing", "call.answered." + accountSID, []byte(`null`)},
		{"no bytes", "call.answered." + accountSID, nil},
		{"a time that is none", "call.answered." + accountSID, []byte(`{"account_sid":"` + accountSID + `","occurred_at":"now"}`)},
		{"another account's event", "call.answered.AC00000000000000000000000000000009", answered},
		{"another status's message", "message.sent." + accountSID, []byte(`{"account_sid":"` + accountSID + `","status":"read"}`)},
	} {
		event, err := schema.Decode(test.subject, test.data)
		if schema.CodeOf(err) != schema.Invalid || event != nil {
			t.Errorf("%s: %v, %v, want an invalid error", test.what, event, err)
		}
	}
}

// An entry repeats its event's identity, so that a second delivery is the same
// line.
func TestEntry(t *testing.T) {
	t.Parallel()
	e := examples()[4].event
	stored := time.Date(2026, 3, 4, 18, 16, 0, 0, time.UTC)
	want := schema.TimelineEntry{
		CallSID: callSID, RecordingSID: recordingSID, MsgID: e.MsgID(), Kind: "recording.processed",
		Origin: schema.OriginEventStream, OccurredAt: e.Meta().OccurredAt, StoredAt: stored, Sequence: 9, Detail: "archived",
	}
	if diff := cmp.Diff(want, schema.Entry(e, 9, stored, "archived")); diff != "" {
		t.Error(diff)
	}
}
