package ingress_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

const (
	statusCallback = "com.twilio.voice.status-callback."
	deprecated     = "com.twilio.voice.webhook.status-callback."
	short          = "com.twilio.voice.status."
	summaries      = "com.twilio.voice.insights.call-summary."
	messages       = "com.twilio.messaging.message."
	inboundMessage = "com.twilio.messaging.inbound-message.received"
	testEvent      = "com.twilio.eventstreams.test-event"

	eventsRoute = "/twilio/events?org=" + org + "&kind=call"
)

// summary is Voice Insights' view of a trunk call that lasted ten hours.
func summary(change func(data map[string]any)) map[string]any {
	data := map[string]any{
		"account_sid": accountSID, "call_sid": callSID, "parent_call_sid": "", "parent_account_sid": "",
		"created_time": "2026-03-04T18:15:30Z", "start_time": "2026-03-04T18:15:30Z", "end_time": "2026-03-05T04:36:30Z",
		"duration": 37260, "connect_duration": 37250, "call_type": "trunking", "call_state": "completed",
		"processing_state": "complete", "processing_version": 1, "answered_by": nil,
		"from":       map[string]any{"caller": "+15005550001", "location": map[string]any{"lat": 37.7}, "carrier": "x"},
		"to":         map[string]any{"callee": "+15005550006"},
		"properties": map[string]any{"direction": "trunking_originating", "trunk_sid": trunkSID, "pdd_ms": 1200},
		"tags":       []string{}, "sdk_edge": nil,
	}
	change(data)
	return data
}

func unchanged(map[string]any) {}

var (
	summaryStart = time.Date(2026, 3, 4, 18, 15, 30, 0, time.UTC)
	envelopeTime = time.Date(2026, 3, 4, 18, 16, 0, 250_000_000, time.UTC)
)

// Event Streams and the callback tell the same fact under the same id, whatever
// the family's name, so that one of them collapses into the other.
func TestVoiceFamiliesTellTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		route, short string
		form         map[string][]string
	}{
		{"/twilio/call-status", "call.answered", answered},
		{"/twilio/call-status", "call.completed", completed},
		{"/twilio/recording", "recording.processed", processed},
	} {
		w.callback(test.route, test.form)
		want := w.one(test.route)
		for _, name := range []string{
			statusCallback + test.short, deprecated + test.short, short + strings.TrimPrefix(test.short, "call."), short + test.short,
		} {
			w.status(name, w.events(eventsRoute, "["+cloudEvent(name, mirror(test.form))+"]"), http.StatusNoContent)
			got := w.one(name)
			if got.MsgID() != want.MsgID() || schema.Subject(got) != schema.Subject(want) {
				t.Errorf("%s: %s under %s, want %s under %s", name, got.MsgID(), schema.Subject(got), want.MsgID(), schema.Subject(want))
			}
			if meta := got.Meta(); meta.Origin != schema.OriginEventStream || meta.SourceID != "EZ0001" || meta.SourceType != name {
				t.Errorf("%s: header %+v", name, meta)
			}
			if test.short != "recording.processed" { // whose callback says no time
				if diff := cmp.Diff(want, got, ignoreSource); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		}
	}
}

// A mirrored callback that does not name its call is about the event's.
func TestCallNamedByTheEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := mirror(with(answered, "CallSid", ""))
	data["sid"] = callSID
	w.events(eventsRoute, cloudEvent(statusCallback+"call.answered", data))
	if got := w.one("answered").MsgID(); got != "call.answered:"+callSID {
		t.Errorf("message id %s", got)
	}
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended, answeredAt := endedAt, endedAt.Add(-37250*time.Second)
	whole := schema.CallFacts{
		CallSID: callSID, From: "+15005550001", To: "+15005550006", Leg: schema.LegTrunkingOriginating,
		Status: schema.StatusCompleted, StartedAt: &summaryStart, AnsweredAt: &answeredAt, EndedAt: &ended,
		Duration: &tenHours, TrunkSID: trunkSID,
	}
	for _, test := range []struct {
		what   string
		change func(data map[string]any)
		want   func(f *schema.CallFacts)
	}{
		{"a trunk call", unchanged, func(*schema.CallFacts) {}},
		{
			"numbers as strings", func(d map[string]any) { d["connect_duration"] = "37250" },
			func(*schema.CallFacts) {},
		},
		{
			"no answer", func(d map[string]any) { d["call_state"], d["connect_duration"] = "noanswer", 0 },
			func(f *schema.CallFacts) { f.Status, f.AnsweredAt, f.Duration = schema.StatusNoAnswer, nil, &noTime },
		},
		{
			"failed", func(d map[string]any) { d["call_state"], d["connect_duration"] = "fail", nil },
			func(f *schema.CallFacts) { f.Status, f.AnsweredAt, f.Duration = schema.StatusFailed, nil, nil },
		},
		{
			"never dialled", func(d map[string]any) { d["call_state"], d["connect_duration"], d["end_time"] = "undialed", 0, "" },
			func(f *schema.CallFacts) {
				f.Status, f.AnsweredAt, f.EndedAt, f.Duration = schema.StatusFailed, nil, nil, &noTime
			},
		},
		{
			"still ringing", func(d map[string]any) {
				d["call_state"], d["connect_duration"] = "ringing", 0
				delete(d, "end_time")
			},
			func(f *schema.CallFacts) {
				f.Status, f.AnsweredAt, f.EndedAt, f.Duration = schema.StatusRinging, nil, nil, nil
			},
		},
		{
			"connected", func(d map[string]any) { d["call_state"] = "answered" },
			func(f *schema.CallFacts) {
				f.Status, f.AnsweredAt, f.EndedAt, f.Duration = schema.StatusInProgress, nil, nil, nil
			},
		},
		{
			"a dialled child", func(d map[string]any) {
				d["parent_call_sid"] = parentSID
				d["properties"] = map[string]any{"direction": "outbound_dial", "trunk_sid": ""}
			},
			func(f *schema.CallFacts) { f.ParentCallSID, f.Leg, f.TrunkSID = parentSID, schema.LegOutboundDial, "" },
		},
		{
			"parties that are not there", func(d map[string]any) { d["from"], d["to"] = nil, map[string]any{"callee": ""} },
			func(f *schema.CallFacts) { f.From, f.To = "", "" },
		},
		{
			"words that nobody knows", func(d map[string]any) {
				d["call_state"], d["properties"] = "levitating", map[string]any{"direction": "sideways", "trunk_sid": "TK1"}
			},
			func(f *schema.CallFacts) {
				f.Status, f.Leg, f.TrunkSID, f.AnsweredAt, f.EndedAt, f.Duration = "", "", "", nil, nil, nil
			},
		},
	} {
		want := whole
		test.want(&want)
		w.events(eventsRoute, cloudEvent(summaries+"complete", summary(test.change)))
		if diff := cmp.Diff(want, w.one(test.what).(schema.InsightsSummary).Call); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
	}
}

// A summary's state is in its id: a partial one must not hide the complete one.
func TestSummaryStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, state := range []string{"partial", "predicted-complete", "complete"} {
		w.events(eventsRoute, cloudEvent(summaries+state, summary(func(d map[string]any) { d["processing_state"] = "partial" })))
		event := w.one(state).(schema.InsightsSummary)
		if event.MsgID() != "insights.summary:"+callSID+":"+state || event.CallType != "trunking" {
			t.Errorf("%s: %s, %s", state, event.MsgID(), event.CallType)
		}
		if !event.OccurredAt.Equal(envelopeTime) {
			t.Errorf("%s: occurred at %v", state, event.OccurredAt)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := func(status string) map[string]any {
		return map[string]any{
			"messageSid": messageSID, "accountSid": accountSID, "from": "+1 500 555 0001", "to": "+15005550006",
			"messageStatus": strings.ToUpper(status), "errorCode": 30003, "numberOfSegments": 2,
			"messagingServiceSid": "MG1", "timestamp": "2026-03-04T18:15:40.500Z", "tags": map[string]any{"a": "b"},
		}
	}
	for _, status := range []string{"queued", "sent", "delivered", "undelivered", "failed", "read"} {
		w.events("/twilio/events?org="+org+"&kind=sms", "["+cloudEvent(messages+status, data(status))+"]")
		want := schema.MessageUpdated{
			Header: header(answeredAt.Add(500 * time.Millisecond)), MessageSID: messageSID, Status: schema.MessageStatus(status),
			From: "+15005550001", To: "+15005550006", Segments: 2, ErrorCode: 30003, MessagingServiceSID: "MG1",
		}
		event := w.one(status)
		if diff := cmp.Diff(want, event, ignoreSource); diff != "" {
			t.Error(diff)
		}
		if event.MsgID() != "message."+status+":"+messageSID {
			t.Errorf("message id %s", event.MsgID())
		}
	}
}

func TestInboundMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mms := "MM" + messageSID[2:]
	w.events(eventsRoute, cloudEvent(inboundMessage, map[string]any{
		"messageSid": mms, "accountSid": accountSID, "from": "+15005550001", "to": "+15005550006",
		"body": "See you\non Thursday — José", "numMedia": 2, "numSegments": 1, "fromCity": "",
	}))
	want := schema.MessageUpdated{
		Header: header(envelopeTime), MessageSID: mms, Status: schema.MessageReceived, From: "+15005550001",
		To: "+15005550006", Body: "See you\non Thursday — José", Segments: 1, Media: 2,
	}
	if diff := cmp.Diff(want, w.one("inbound"), ignoreSource); diff != "" {
		t.Error(diff)
	}
}

// However an event is wrapped, it is the same event, and its source is kept as
// it came.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := cloudEvent(summaries+"complete", summary(unchanged))
	w.events(eventsRoute, "["+plain+"]")
	want := w.one("an array")
	for what, body := range map[string]string{
		"an object":      plain,
		"data as string": "[" + cloudEvent(summaries+"complete", jsonOf(summary(unchanged))) + "]",
		"white space":    " \r\n[ " + plain + " ]\n",
		"no time":        strings.Replace(plain, `"time":"2026-03-04T18:16:00.250Z"`, `"time":null`, 1),
	} {
		w.status(what, w.events(eventsRoute, body), http.StatusNoContent)
		got := w.one(what).(schema.InsightsSummary)
		if what == "no time" {
			if !got.OccurredAt.Equal(now) {
				t.Errorf("%s: occurred at %v, want the time of receipt", what, got.OccurredAt)
			}
			got.OccurredAt = envelopeTime
		}
		if diff := cmp.Diff(want, schema.Event(got), ignoreSource); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if diff := cmp.Diff(plain, string(want.Meta().SourceEvent)); diff != "" {
		t.Errorf("source: %s", diff)
	}
}

// The content type is not documented for sinks, so none is asked for.
func TestAnyContentType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, contentType := range []string{"", "application/json", "application/cloudevents-batch+json", "text/plain", "nonsense/"} {
		r := jsonRequest(token, eventsRoute, cloudEvent(summaries+"complete", summary(unchanged)))
		r.Header.Set("Content-Type", contentType)
		w.status(contentType, w.post(r), http.StatusNoContent)
		w.one(contentType)
	}
}

func TestTypesWithoutConsequence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct{ eventType, kind, outcome string }{
		{statusCallback + "call.initiated", "call.initiated", "ignored"},
		{deprecated + "call.ringing", "call.ringing", "ignored"},
		{short + "ringing", "call.ringing", "ignored"},
		{statusCallback + "amd.detected", "voice.other", "ignored"},
		{"com.twilio.voice.twiml.dial.finished", "voice.twiml", "ignored"},
		{"com.twilio.voice.api-request.call.created", "voice.api-request", "ignored"},
		{"com.twilio.voice.media.fetched", "voice.media", "ignored"},
		{"com.twilio.error-logs.error.logged", "unknown", "unknown"},
		{statusCallback + "call.levitated", "unknown", "unknown"},
		{summaries + "guessed", "unknown", "unknown"},
		{"com.example", "unknown", "unknown"},
	} {
		before := w.count("callstream_ingress_events_total", map[string]string{"kind": test.kind, "outcome": test.outcome})
		w.status(test.eventType, w.events(eventsRoute, cloudEvent(test.eventType, "whatever")), http.StatusNoContent)
		w.nothing(test.eventType)
		w.counted(test.kind, test.outcome, before+1)
	}
}

// However many types are made up, the metrics do not grow.
func TestUnknownTypesShareALabel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 50 {
		w.events(eventsRoute, cloudEvent(fmt.Sprintf("com.example.%d", i), nil))
	}
	w.counted("unknown", "unknown", 50)
}

func TestTestEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := `[{"specversion":"1.0","type":"` + testEvent + `","source":"Sink","id":"` + accountSID + `",` +
		`"time":"2026-06-10T06:02:54.377Z","data":{"test_id":"cae2f9e2-c277-4612-8ad3-93c1a7a3ef88"}}]`
	for _, target := range []string{eventsRoute, "/twilio/events"} { // its account is its id
		w.status(target, w.events(target, body), http.StatusNoContent)
		w.nothing(target)
	}
	w.counted("test", "ignored", 2)
	if !strings.Contains(w.log.String(), "test event from Twilio arrived") {
		t.Errorf("the log does not say that it came: %s", w.log)
	}
}

// What is signed but cannot be read is kept with its bytes and acknowledged,
// since Twilio would drop what is refused.
func TestEventDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accounts.accounts[0].OrganizationID = org
	for what, body := range map[string]string{
		"no JSON":                  `<Response/>`,
		"nothing":                  ``,
		"half an array":            `[{"type":"` + testEvent + `"}`,
		"two values":               `{} {}`,
		"a number":                 `7`,
		"no object":                `["com.twilio"]`,
		"no type":                  `[{"id":"EZ1"}]`,
		"no data":                  `[{"type":"` + summaries + `complete"}]`,
		"data of another form":     cloudEvent(summaries+"complete", []int{1}),
		"data that are no JSON":    cloudEvent(summaries+"complete", "{"),
		"no call":                  cloudEvent(summaries+"complete", summary(func(d map[string]any) { d["call_sid"] = "" })),
		"a parent that is none":    cloudEvent(summaries+"complete", summary(func(d map[string]any) { d["parent_call_sid"] = "CA1" })),
		"no account":               cloudEvent(summaries+"complete", summary(func(d map[string]any) { d["account_sid"] = nil })),
		"too long a party":         cloudEvent(summaries+"complete", summary(func(d map[string]any) { d["to"] = map[string]any{"callee": strings.Repeat("1", 300)} })),
		"no parameters":            cloudEvent(statusCallback+"call.answered", map[string]any{"sid": callSID, "request": map[string]any{"parameters": map[string]any{}}}),
		"null for data":            cloudEvent(statusCallback+"call.answered", nil),
		"a status that is not one": cloudEvent(statusCallback+"call.completed", mirror(with(completed, "CallStatus", "in-progress"))),
		"a message that is none":   cloudEvent(messages+"sent", map[string]any{"messageSid": callSID, "accountSid": accountSID}),
		"a message of nobody":      cloudEvent(messages+"sent", map[string]any{"messageSid": messageSID}),
		"too large an event":       cloudEvent(statusCallback+"call.ringing", strings.Repeat("x", 200<<10)),
		"too many events":          "[" + strings.Repeat("{},", 1000) + "{}]",
	} {
		w.status(what, w.events(eventsRoute, body), http.StatusNoContent)
		letter := w.letter(what)
		bytes := strings.TrimSuffix(strings.TrimPrefix(body, "["), "]")
		if got := string(letter.Data); got != body && got != bytes {
			t.Errorf("%s: kept %q of %q", what, got, body)
		}
		if letter.Reason != schema.ReasonUndecodable || letter.Consumer != "ingress" || letter.Account != accountSID || letter.Org != org ||
			letter.Attempts != 1 || letter.Error == "" || !letter.FailedAt.Equal(now) || letter.Header["Callstream-Route"][0] != "/twilio/events" {
			letter.Data = nil
			t.Errorf("%s: %+v", what, letter)
		}
	}
}

// One bad event in a request costs the others nothing.
func TestEventsAreReadByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad := cloudEvent(summaries+"complete", map[string]any{"call_sid": "CA1"})
	body := "[" + strings.Join([]string{
		cloudEvent(statusCallback+"call.answered", mirror(answered)),
		bad,
		cloudEvent("com.example", nil),
		cloudEvent(statusCallback+"call.ringing", mirror(answered)),
		cloudEvent(statusCallback+"call.completed", mirror(completed)),
	}, ",") + "]"
	w.status("a mixed batch", w.events(eventsRoute, body), http.StatusNoContent)
	events, letters := w.publisher.take()
	if len(events) != 2 || events[0].Kind() != schema.KindCallAnswered || events[1].Kind() != schema.KindCallCompleted {
		t.Errorf("events %v", events)
	}
	if len(letters) != 1 || string(letters[0].Data) != bad {
		t.Errorf("dead letters %v", letters)
	}
	if w.publisher.calls != 1 {
		t.Errorf("published in %d calls, want one", w.publisher.calls)
	}
}

// Twilio's repeat of an undecodable request is the same dead letter, another
// account's is another.
func TestDeadLettersAreNamedByTheirBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := map[string]int{}
	for _, r := range []*http.Request{
		jsonRequest(token, eventsRoute, "x"), jsonRequest(token, eventsRoute+"&again", "x"),
		jsonRequest(token, eventsRoute, "y"), jsonRequest(otherToken, "/twilio/events?org="+otherOrg, "x"),
	} {
		w.status("undecodable", w.post(r), http.StatusNoContent)
		ids[w.letter("undecodable").MsgID]++
	}
	if len(ids) != 3 {
		t.Errorf("message ids %v, want three of which one twice", ids)
	}
}

// An organization can sign whatever it likes with its token, but only for its
// own account.
func TestForeignAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreignCall := with(completed, "AccountSid", otherAccount)
	for what, r := range map[string]*http.Request{
		"a callback": formRequest(token, "/twilio/call-status?org="+org, foreignCall.Encode()),
		"a recording's callback": formRequest(token, "/twilio/recording?org="+org,
			with(processed, "AccountSid", otherAccount).Encode()),
		"an event": jsonRequest(token, eventsRoute, cloudEvent(statusCallback+"call.completed", mirror(foreignCall))),
		"a summary": jsonRequest(token, eventsRoute, cloudEvent(summaries+"complete",
			summary(func(d map[string]any) { d["account_sid"] = otherAccount }))),
		"a message": jsonRequest(token, eventsRoute,
			cloudEvent(messages+"sent", map[string]any{"messageSid": messageSID, "accountSid": otherAccount})),
	} {
		if answer := w.post(r); answer.Code != http.StatusOK && answer.Code != http.StatusNoContent {
			t.Errorf("%s: status %d", what, answer.Code)
		}
		letter := w.letter(what)
		if letter.Reason != schema.ReasonForeign || letter.Account != accountSID || letter.Org != org || len(letter.Data) == 0 {
			t.Errorf("%s: %s of %s, %s", what, letter.Reason, letter.Account, letter.Org)
		}
	}
	// Beside its own, and named first so that the request seems to be its own.
	body := "[" + cloudEvent(statusCallback+"call.answered", mirror(answered)) + "," +
		cloudEvent(statusCallback+"call.completed", mirror(foreignCall)) + "]"
	w.status("a mixed batch", w.events("/twilio/events", body), http.StatusNoContent)
	events, letters := w.publisher.take()
	if len(events) != 1 || events[0].Meta().AccountSID != accountSID || len(letters) != 1 || letters[0].Reason != schema.ReasonForeign {
		t.Errorf("a mixed batch: %d events, %d dead letters", len(events), len(letters))
	}
	// By its own token for the other's account, when no organization is named.
	w.status("the other's account", w.post(formRequest(token, "/twilio/call-status", foreignCall.Encode())), http.StatusForbidden)
	w.nothing("the other's account")
}

// Without an organization in the URL the account is wherever its family puts it.
func TestAccountInTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unreadable := `{"type":7},null,"x"`
	for what, event := range map[string]string{
		"voice":          cloudEvent(statusCallback+"call.answered", mirror(answered)),
		"insights":       cloudEvent(summaries+"complete", summary(unchanged)),
		"data as string": cloudEvent(summaries+"complete", jsonOf(summary(unchanged))),
		"messaging":      cloudEvent(messages+"sent", map[string]any{"messageSid": messageSID, "accountSid": accountSID}),
	} {
		w.status(what, w.events("/twilio/events", event), http.StatusNoContent)
		w.one(what)
		w.status(what+" after others", w.events("/twilio/events", "["+unreadable+","+event+"]"), http.StatusNoContent)
		w.publisher.take()
	}
	for what, body := range map[string]string{"no JSON": "x", "nobody's": `[{"type":"com.example"}]`, "nothing": "[]"} {
		w.status(what, w.events("/twilio/events", body), http.StatusForbidden)
	}
}

// A source is stored as JSON that everyone can read, even if it came broken.
func TestSourceIsValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := strings.Replace(cloudEvent(summaries+"complete", summary(unchanged)), "EZ0001", "EZ\xff\r\n1", 1)
	body = strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(body)
	w.events(eventsRoute, body)
	event := w.one("broken text")
	if id := event.Meta().SourceID; id != "EZ\uFFFD1" {
		t.Errorf("source id %q", id)
	}
	if _, err := json.Marshal(event); err != nil || !utf8.Valid(event.Meta().SourceEvent) {
		t.Errorf("source %q: %v", event.Meta().SourceEvent, err)
	}
}
