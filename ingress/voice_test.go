package ingress_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// callbacks are what Twilio is told to report to.
const (
	statusURL    = base + "/twilio/call-status?org=" + org
	recordingURL = base + "/twilio/recording?org=" + org
)

// A call is forwarded and recorded, and the decision is stored in both places
// by the time of the answer.
func TestVoiceForwardsAndRecords(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	answer := w.call(voiceRoute, voiceForm)
	if len(answer.Say) != 1 || answer.reaches() != agent || answer.Dial.Record != "record-from-answer-dual" ||
		answer.Dial.Action != statusURL || answer.Dial.Number.Callback != statusURL || answer.Dial.Callback != recordingURL {
		t.Errorf("answered %+v", answer)
	}
	event, id := w.received("voice")
	decision := schema.Decision{CallSID: callSID, Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, Evidence: "on", DecidedAt: now}
	want := schema.CallReceived{
		Header: schema.Header{
			AccountSID: accountSID, OrganizationID: org, OccurredAt: now, Origin: schema.OriginCallback, SourceEvent: event.SourceEvent,
		},
		Call:     schema.CallFacts{CallSID: callSID, From: customer, To: ownNumber, Leg: schema.LegInbound, Status: schema.StatusRinging},
		Decision: &decision,
	}
	if diff := cmp.Diff(want, event); diff != "" || id != "call.received:"+callSID {
		t.Errorf("%s: %s", id, diff)
	}
	if diff := cmp.Diff(decision, w.phones.decisions[callSID]); diff != "" {
		t.Errorf("stored decision: %s", diff)
	}
	w.counted("call.received", "stored", 1)
	if n := w.count("callstream_voice_answers_total", prometheus.Labels{"answer": "recorded"}); n != 1 {
		t.Errorf("%v answers counted as recorded", n)
	}
}

func TestVoicemail(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	w.phones.plans[ownNumber] = &schema.VoicePlan{Action: schema.VoiceVoicemail, Greeting: "Speak!", Unrecorded: "Nobody is in."}
	answer := w.call(voiceRoute, voiceForm)
	if answer.Message == nil || answer.Message.Action != statusURL || answer.Message.Callback != recordingURL || answer.Say[0] != "Speak!" {
		t.Errorf("answered %+v", answer)
	}
	w.phones.turn(true)
	answer = w.call(voiceRoute, with(voiceForm, "CallSid", parentSID))
	if answer.records() || answer.Hangup == nil || answer.Say[0] != "Nobody is in." {
		t.Errorf("with recording off: answered %+v", answer)
	}
}

// Whatever the check's no is, it is stored with its rule, and the caller is
// connected in silence.
func TestVoiceRecordsNothingAgainstANo(t *testing.T) {
	t.Parallel()
	for _, rule := range []schema.Rule{schema.RuleDisabled, schema.RuleNumberUnknown, schema.RuleNoSettings, schema.RuleLookupFailed} {
		w := newVoiceWorld(t)
		w.phones.check = func(_ context.Context, q schema.PhoneQuery) schema.RecordingCheck {
			if want := (schema.PhoneQuery{AccountSID: accountSID, From: customer, To: ownNumber, Leg: schema.LegInbound}); q != want {
				t.Errorf("asked about %+v", q)
			}
			return schema.RecordingCheck{Rule: rule, Evidence: "because"}
		}
		answer := w.call(voiceRoute, voiceForm)
		if answer.records() || answer.reaches() != agent || len(answer.Say) != 0 || answer.Dial.Action != statusURL || answer.Dial.Number.Callback != statusURL {
			t.Errorf("%s: answered %+v", rule, answer)
		}
		event, _ := w.received(string(rule))
		if d := event.Decision; d.Outcome != schema.NotStarted || d.Rule != rule || d.Enabled || d.Evidence != "because" || !d.DecidedAt.Equal(now) {
			t.Errorf("%s: decided %+v", rule, d)
		}
		if _, known := w.phones.decisions[callSID]; known != (rule != schema.RuleLookupFailed) {
			t.Errorf("%s: the decision is stored: %v", rule, known)
		}
	}
}

// A plan that was just made or changed answers the next call, and the one that
// was known last answers while the database is away.
func TestVoicePlansAreFreshWhileTheyCanBe(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	w.phones.plans[ownNumber] = nil
	if answer := w.call(withSpare, voiceForm); answer.reaches() != spare {
		t.Errorf("without a plan: %+v", answer)
	}
	for _, to := range []string{agent, "client:agent"} {
		w.phones.plans[ownNumber] = &schema.VoicePlan{Action: schema.VoiceForward, To: to}
		if answer := w.call(withSpare, voiceForm); answer.reaches() != strings.TrimPrefix(to, "client:") {
			t.Errorf("with a plan for %s: %+v", to, answer)
		}
	}
	w.phones.plan = func(context.Context, string, string) (*schema.VoicePlan, error) { return nil, away }
	if answer := w.call(withSpare, voiceForm); answer.reaches() != "agent" {
		t.Errorf("with the database away: %+v", answer)
	}
}

// A call that Twilio was asked to make is answered by the plan of its number;
// the recorder decides on it when it is answered.
func TestVoiceOfACallThatIsMade(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	made := with(voiceForm, "Direction", "outbound-api", "From", ownNumber, "To", customer)
	if answer := w.call(voiceRoute, made); answer.reaches() != agent || answer.records() {
		t.Errorf("answered %+v", answer)
	}
	w.nothing("a call that is made")
	if len(w.phones.decisions) != 0 {
		t.Errorf("decided %+v", w.phones.decisions)
	}
	// A caller's number is not what is called.
	if answer := w.call(withSpare, with(made, "Direction", "inbound")); answer.reaches() != spare {
		t.Errorf("a call that comes in: %+v", answer)
	}
}

func TestVoiceFallbackAddresses(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	w.phones.plans = nil
	for query, want := range map[string]string{
		"%2B15005550008":                    spare,
		"+15005550008":                      spare, // the plus sign not escaped
		"sip%3Abob%40example.com%3Fa%3D%26": "sip:bob@example.com?a=&",
		"client%3Aalice":                    "alice",
	} {
		answer := w.call(voiceRoute+"&fallback="+query, voiceForm)
		if answer.reaches() != want || answer.records() || answer.Dial.Action != statusURL {
			t.Errorf("%s: answered %+v", query, answer)
		}
	}
	for _, query := range []string{"", "15005550008", "%3CHangup%2F%3E", "https%3A%2F%2Fexample.com", "client%3A", "%2B15005550008%0A"} {
		answer := w.call(voiceRoute+"&fallback="+query, voiceForm)
		if answer.Dial != nil || answer.Hangup == nil || len(answer.Say) != 1 {
			t.Errorf("%q: answered %+v, want a regret", query, answer)
		}
	}
	w.nothing("calls of a number without a plan")
	if !strings.Contains(w.log.String(), "set one, or name a fallback") {
		t.Error("nobody is told what to do")
	}
}

// The route exists only where calls can be answered.
func TestVoiceNeedsItsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.status("no TwiML", w.callback(voiceRoute, voiceForm), http.StatusNotFound)
	full := ingress.Config{
		Publisher: &publisher{}, Accounts: newDirectory(), Verify: func([]string, *http.Request, []byte) error { return nil },
		TwiML: func(schema.VoiceAnswer) (string, error) { return "", nil }, BaseURL: base, Plans: newPhones(), Decisions: newPhones(),
	}
	if _, err := ingress.New(full); err != nil {
		t.Error(err)
	}
	for what, take := range map[string]func(*ingress.Config){
		"address":   func(c *ingress.Config) { c.BaseURL = "" },
		"plans":     func(c *ingress.Config) { c.Plans = nil },
		"decisions": func(c *ingress.Config) { c.Decisions = nil },
	} {
		config := full
		take(&config)
		if _, err := ingress.New(config); err == nil {
			t.Errorf("made without its %s", what)
		}
	}
}

// Whatever a signed form or the URL holds, the answer is TwiML.
func TestVoiceAnswersAnyForm(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+]?[0-9]{0,16}`), rapid.SampledFrom([]string{
		"", callSID, accountSID, otherAccount, ownNumber, "inbound", "ringing", "<Record/>", "\x00", "sip:a@b",
	}))
	rapid.Check(t, func(t *rapid.T) {
		form := url.Values{}
		for name := range voiceForm {
			if form.Set(name, voiceForm.Get(name)); rapid.IntRange(0, 2).Draw(t, "odd") == 0 {
				form[name] = rapid.SliceOfN(text, 0, 2).Draw(t, name)
			}
		}
		form["Extra"] = []string{text.Draw(t, "extra")}
		fallback := text.Draw(t, "fallback")
		answer := readTwiML(w, w.callback(voiceRoute+"&fallback="+url.QueryEscape(fallback), form))
		if answer.reaches() == "" && answer.Hangup == nil {
			t.Fatalf("answered %+v", answer)
		}
		events, _ := w.publisher.take()
		if answer.records() && (len(events) == 0 || !events[len(events)-1].(schema.CallReceived).Decision.ByTwiML()) {
			t.Fatalf("recorded, and stored %v", events)
		}
	})
}
