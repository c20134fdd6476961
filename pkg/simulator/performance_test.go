package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// heard is a call of a scenario to which a voice URL answered, after five
// seconds, as the documents say, the later ones as soon as they are due.
func heard(t *testing.T, scenario string, documents ...string) *call {
	t.Helper()
	clips, err := openLibrary()
	if err != nil {
		t.Fatal(err)
	}
	for index := range 5000 {
		written := newScript(7, index, testWorld())
		if written.scenario != scenario {
			continue
		}
		begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		c := newCall(callEntry{
			Index: index, Seed: 7, At: begin, Speed: 1, Ours: true,
			Called: &numberEntry{VoiceURL: "https://callstream.example.com/twilio/voice?org=1", VoiceMethod: "POST"},
		}, testWorld(), clips)
		at := begin.Add(4500 * time.Millisecond)
		for _, document := range documents {
			if c.voice.next == nil {
				t.Fatalf("nothing is asked before %s", document)
			}
			if due := c.moment(c.voice.next.due); due.After(at) {
				at = due
			}
			c.hear(voiceEntry{At: at, Status: http.StatusOK, Type: "text/xml; charset=utf-8", Document: document}, clips)
		}
		return c
	}
	t.Fatalf("no %s call", scenario)
	return nil
}

func response(verbs string) string { return "<Response>" + verbs + "</Response>\n" }

func TestRingingEndsAsTheTwiMLSays(t *testing.T) {
	t.Parallel()
	const dial = `<Dial timeout="%d" action="/after?org=1"><Number statusCallback="status" statusCallbackEvent="answered">+16465550123</Number></Dial>`
	for name, test := range map[string]struct {
		scenario string
		timeout  int
		status   []schema.CallStatus
		rings    int
	}{
		"somebody picks up":   {"inbound", 30, []schema.CallStatus{schema.StatusCompleted}, 9},
		"too late":            {"inbound", 1, []schema.CallStatus{schema.StatusNoAnswer, schema.StatusBusy}, 2},
		"nobody does":         {"unanswered-inbound", 20, []schema.CallStatus{schema.StatusNoAnswer, schema.StatusBusy}, 20},
		"the caller gives up": {"unanswered-inbound", 600, []schema.CallStatus{schema.StatusCanceled}, 90},
	} {
		c := heard(t, test.scenario, response(fmt.Sprintf(dial, test.timeout)))
		child := c.legs[1]
		reached := child.answer >= 0
		if !slices.Contains(test.status, child.status) || reached != (child.status == schema.StatusCompleted) || child.answered != reached {
			t.Errorf("%s: the child is %+v", name, child)
		}
		if rang := max(child.answer, 0) - child.start; reached && rang > test.rings {
			t.Errorf("%s: rang for %d s", name, rang)
		}
		if !reached && child.end-child.start > test.rings {
			t.Errorf("%s: rang for %d s", name, child.end-child.start)
		}
		after := c.voice.next
		if after == nil {
			after = c.voice.farewell
		}
		gaveUp := child.status == schema.StatusCanceled
		if (after.status == schema.StatusCompleted) != (c.legs[0].end == child.end) || (gaveUp && after.status != schema.StatusCompleted) {
			t.Errorf("%s: asked afterwards %+v, call ends at %d, child at %d", name, after, c.legs[0].end, child.end)
		}
		if after.results.Get("DialCallStatus") != string(child.status) || after.results.Get("DialCallSid") != child.sid ||
			after.url != "https://callstream.example.com/after?org=1" || after.due != child.end {
			t.Errorf("%s: asked afterwards %+v", name, after)
		}
		if child.callback != "https://callstream.example.com/twilio/status" || child.completed {
			t.Errorf("%s: the child tells %+v", name, child)
		}
	}
}

// Whom a call is passed on to, and whom that sees, is what the TwiML says.
func TestPartiesAreAsTheTwiMLSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		scenario, dial, noun, to string
		from                     func(parent leg) string
	}{
		{"inbound", `<Dial>`, `<Client statusCallback="https://other.example.com/" statusCallbackMethod="GET">Agent_7</Client>`, "client:Agent_7", func(l leg) string { return l.from.want }},
		{"inbound", `<Dial callerId="+15005550002">`, `<Sip> sip:Bob@PBX.Example.com:5061;transport=tls?X-Team=blue </Sip>`, "sip:Bob@pbx.example.com:5061", func(leg) string { return "+15005550002" }},
		{"withheld", `<Dial>`, `<Number>+16465550123</Number>`, "+16465550123", func(l leg) string { return l.to.want }},
	} {
		c := heard(t, test.scenario, response(test.dial+test.noun+`</Dial>`))
		child := c.legs[1]
		if child.to.want != test.to || child.from.want != test.from(c.legs[0]) || child.parent != c.legs[0].sid || child.direction != schema.LegOutboundDial {
			t.Errorf("%s: the child is %+v", test.noun, child)
		}
		if want := strings.Contains(test.noun, "GET"); want != (child.method == "GET") || want != (child.callback == "https://other.example.com/") || want != child.completed {
			t.Errorf("%s: the child tells %+v", test.noun, child)
		}
		if !c.ended() || c.legs[0].end != child.end {
			t.Errorf("%s: the call ends at %d, the child at %d, and no verb is left", test.noun, c.legs[0].end, child.end)
		}
	}
}

func TestRecordingsAreAsTheTwiMLSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scenario, verbs string
		source          string // empty: none is made
		channels        int
		asked           bool
	}{
		"from answer":                  {"inbound", dialing("record-from-answer-dual"), schema.SourceDialVerb, 2, true},
		"from answer, mono":            {"inbound", dialing("record-from-answer"), schema.SourceDialVerb, 1, true},
		"not":                          {"inbound", dialing("do-not-record"), "", 0, false},
		"from answer, and nobody does": {"unanswered-inbound", dialing("record-from-answer-dual"), "", 0, true},
		"from ringing":                 {"unanswered-inbound", dialing("record-from-ringing-dual"), schema.SourceDialVerb, 2, true},
		"a message":                    {"inbound", `<Say>Hello</Say><Record maxLength="4" recordingStatusCallback="/done"/>`, schema.SourceRecordVerb, 1, true},
		"hung up before the tone":      {"unanswered-inbound", `<Record recordingStatusCallback="/done"/>`, "", 0, true},
	} {
		c := heard(t, test.scenario, response(test.verbs))
		if asked := len(c.voice.recorded) == 1; asked != test.asked {
			t.Errorf("%s: asked for a recording: %t", name, asked)
		}
		if (len(c.recordings) == 1) != (test.source != "") {
			t.Errorf("%s: %d recordings", name, len(c.recordings))
			continue
		}
		for _, r := range c.recordings {
			if r.source != test.source || r.channels != test.channels || r.callSID != c.legs[0].sid || !r.own || !r.twiml {
				t.Errorf("%s: %+v", name, r)
			}
			if r.callback != "https://callstream.example.com/done" || !slices.Equal(r.events, []string{"completed"}) {
				t.Errorf("%s: told to %s, %v", name, r.callback, r.events)
			}
			if r.begins.Before(c.moment(c.legs[0].answer)) {
				t.Errorf("%s: begins before the call is answered", name)
			}
		}
	}
}

func dialing(record string) string {
	return `<Dial record="` + record + `" recordingStatusCallback="/done"><Number>+16465550123</Number></Dial>`
}

// A call goes on by what its action URL answers, and a message cannot outlast
// its limit.
func TestActionsCarryCallsOn(t *testing.T) {
	t.Parallel()
	c := heard(t, "unanswered-inbound",
		response(`<Dial timeout="20" action="/after"><Number>+16465550123</Number></Dial>`),
		response(`<Say>Nobody is there.</Say><Pause length="2"/><Hangup/><Say>Unheard.</Say>`))
	if c.voice.next != nil || !c.ended() || c.legs[0].end <= c.legs[1].end+2 || c.voice.answers != 2 {
		t.Errorf("%+v, legs %+v", c.voice, c.legs)
	}
	limited := heard(t, "inbound", response(`<Record maxLength="3"/>`))
	after := limited.voice.farewell
	if after == nil {
		after = limited.voice.next
	}
	if length := after.due - limited.legs[0].answer; length > 4 || after.results.Get("RecordingSid") != limited.recordings[0].sid {
		t.Errorf("a message of 3 s at most took %d, and is told as %v", length, after.results)
	}
}

func TestReadTwiMLRefusesWhatTwilioWould(t *testing.T) {
	t.Parallel()
	const number = `<Number>+16465550123</Number>`
	for document, problem := range map[string]string{
		``: "no XML", `{}`: "no XML", `<Response><Say>Hello</Response>`: "no XML",
		`<Response/><Response/>`: "more than one", `<html/>`: "<html>",
		response(`<Dance/>`): "<Dance>", response(number): "outside of <Dial>", response(`<Say><Hangup/></Say>`): "within <Say>",
		response(`<Say speed="9">x</Say>`): `speed="9"`, response(`<Dial>` + number + number + `</Dial>`): "2 parties",
		response(`<Dial></Dial>`): "0 parties", response(`<Dial record="true">` + number + `</Dial>`): `record="true"`,
		response(`<Dial timeout="soon">` + number + `</Dial>`): `timeout="soon"`, response(`<Dial action="ftp://x/">` + number + `</Dial>`): "action=",
		response(`<Record recordingStatusCallbackEvent="done"/>`):                          `="done"`,
		response(`<Dial><Number>5550123</Number></Dial>`):                                  "<Number>5550123",
		response(`<Dial><Sip>bob@example.com</Sip></Dial>`):                                "<Sip>bob",
		response(`<Dial><Client/></Dial>`):                                                 "<Client>",
		response(`<Dial><Number statusCallbackEvent="ended">+16465550123</Number></Dial>`): `="ended"`,
	} {
		if _, err := readTwiML(http.StatusOK, "text/xml", document); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %s", document, err, problem)
		}
	}
	if _, err := readTwiML(http.StatusOK, "text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response/>\n"); err != nil {
		t.Errorf("an empty response: %v", err)
	}
	if _, err := readTwiML(http.StatusOK, "application/json", "<Response/>"); err == nil {
		t.Error("JSON is taken for TwiML")
	}
}
