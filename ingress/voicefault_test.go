package ingress_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// twilioWaits is how long a caller hears nothing before Twilio gives up.
const twilioWaits = 15 * time.Second

// silent is a database that answers nobody, and does not mind who leaves.
func silent(t *testing.T) func() {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	return func() { <-ended }
}

// With any part broken a proven call is connected by its plan, unrecorded, and
// the answer comes in time.
func TestVoiceConnectsWhateverBreaks(t *testing.T) {
	t.Parallel()
	for what, breakIt := range map[string]func(t *testing.T, w *voiceWorld){
		"the stream is away": func(_ *testing.T, w *voiceWorld) {
			w.publisher.publish = func(context.Context, []schema.Event) error { return away }
		},
		"the stream is silent": func(t *testing.T, w *voiceWorld) {
			hang := silent(t)
			w.publisher.publish = func(context.Context, []schema.Event) error { hang(); return nil }
		},
		"publishing panics": func(_ *testing.T, w *voiceWorld) {
			w.publisher.publish = func(context.Context, []schema.Event) error { panic("publish") }
		},
		"the check is silent": func(t *testing.T, w *voiceWorld) {
			hang := silent(t)
			w.phones.check = func(context.Context, schema.PhoneQuery) schema.RecordingCheck {
				hang()
				return schema.RecordingCheck{Enabled: true, Rule: schema.RuleEnabled}
			}
		},
		"the check panics": func(_ *testing.T, w *voiceWorld) {
			w.phones.check = func(context.Context, schema.PhoneQuery) schema.RecordingCheck { panic("check") }
		},
		"the decision cannot be read": func(_ *testing.T, w *voiceWorld) {
			w.phones.decision = func(context.Context, string) (schema.Decision, error) { return schema.Decision{}, away }
		},
		"reading the decision panics": func(_ *testing.T, w *voiceWorld) {
			w.phones.decision = func(context.Context, string) (schema.Decision, error) { panic("decision") }
		},
		"the decision cannot be stored": func(_ *testing.T, w *voiceWorld) {
			w.phones.save = func(context.Context, schema.Decision) (schema.Decision, error) { return schema.Decision{}, away }
		},
		"storing the decision is silent": func(t *testing.T, w *voiceWorld) {
			hang := silent(t)
			w.phones.save = func(_ context.Context, d schema.Decision) (schema.Decision, error) { hang(); return d, nil }
		},
		"the database is away": func(_ *testing.T, w *voiceWorld) { databaseAway(w) },
		"the database is silent": func(t *testing.T, w *voiceWorld) {
			hang := silent(t)
			w.accounts.change(func(d *directory) { d.hang = make(chan struct{}) })
			w.phones.plan = func(context.Context, string, string) (*schema.VoicePlan, error) { hang(); return nil, away }
			w.phones.check = func(context.Context, schema.PhoneQuery) schema.RecordingCheck { hang(); return schema.RecordingCheck{} }
			w.phones.decision = func(context.Context, string) (schema.Decision, error) { hang(); return schema.Decision{}, away }
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newVoiceWorld(t)
			w.call(voiceRoute, with(voiceForm, "CallSid", parentSID)) // account and plans are known
			w.clock.advance(time.Minute)                              // but not fresh
			breakIt(t, w)
			began := time.Now()
			answer := w.call(voiceRoute, voiceForm)
			if took := time.Since(began); took > twilioWaits {
				t.Errorf("answered after %v", took)
			}
			if answer.records() || answer.reaches() != agent {
				t.Errorf("answered %+v", answer)
			}
			if events, _ := w.publisher.take(); slices.ContainsFunc(events, saysRecorded) {
				t.Errorf("told %+v", events)
			}
			if !strings.Contains(w.log.String(), "level=WARN") {
				t.Error("nobody is told")
			}
		})
	}
}

// saysRecorded reports whether the event tells that the call is recorded.
func saysRecorded(event schema.Event) bool {
	received, ok := event.(schema.CallReceived)
	return ok && received.Decision != nil && received.Decision.ByTwiML() && received.Call.CallSID == callSID
}

// databaseAway makes every look-up fail.
func databaseAway(w *voiceWorld) {
	w.accounts.change(func(d *directory) { d.err = away })
	w.phones.plan = func(context.Context, string, string) (*schema.VoicePlan, error) { return nil, away }
	w.phones.check = func(context.Context, schema.PhoneQuery) schema.RecordingCheck {
		return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: away.Error()}
	}
	w.phones.decision = func(context.Context, string) (schema.Decision, error) { return schema.Decision{}, away }
	w.phones.save = func(context.Context, schema.Decision) (schema.Decision, error) { return schema.Decision{}, away }
}

// unanswerable is a request of which no plan is known, and what it gets where
// its URL names no fallback.
type unanswerable struct {
	configure func(*ingress.Config)
	prepare   func(t *testing.T, w *voiceWorld)
	request   func(target string) *http.Request
	status    int // 200: a regret
}

func unanswerables() map[string]unanswerable {
	signed := func(target string) *http.Request { return formRequest(token, target, voiceForm.Encode()) }
	return map[string]unanswerable{
		"no plan":                {prepare: func(_ *testing.T, w *voiceWorld) { w.phones.plans[ownNumber] = nil }, request: signed, status: http.StatusOK},
		"somebody else's number": {prepare: func(_ *testing.T, w *voiceWorld) { w.phones.plans = nil }, request: signed, status: http.StatusOK},
		"no number": {request: func(target string) *http.Request {
			return formRequest(token, target, with(voiceForm, "To", "", "Called", "").Encode())
		}, status: http.StatusOK},
		"a plan that makes no sense": {prepare: func(_ *testing.T, w *voiceWorld) {
			w.phones.plans[ownNumber] = &schema.VoicePlan{Action: schema.VoiceForward, To: "nobody"}
		}, request: signed, status: http.StatusOK},
		"reading the plan panics": {prepare: func(_ *testing.T, w *voiceWorld) {
			w.phones.plan = func(context.Context, string, string) (*schema.VoicePlan, error) { panic("plan") }
		}, request: signed, status: http.StatusOK},
		"the database is away, and nothing is known": {
			prepare: func(_ *testing.T, w *voiceWorld) { databaseAway(w) }, request: signed, status: http.StatusOK,
		},
		"the database is silent, and nothing is known": {prepare: func(_ *testing.T, w *voiceWorld) {
			w.accounts.change(func(d *directory) { d.hang = make(chan struct{}) })
		}, request: signed, status: http.StatusOK},
		"verifying panics": {
			configure: func(c *ingress.Config) { c.Verify = func([]string, *http.Request, []byte) error { panic("verify") } },
			request:   signed, status: http.StatusOK,
		},
		"no place": {
			configure: func(c *ingress.Config) { c.MaxInFlight = 1 }, prepare: fill, request: signed, status: http.StatusOK,
		},
		"a bad signature": {request: func(target string) *http.Request {
			return formRequest(otherToken, target, voiceForm.Encode())
		}, status: http.StatusForbidden},
		"no signature":        {request: func(target string) *http.Request { return request(target, voiceForm.Encode()) }, status: http.StatusForbidden},
		"an unknown account":  {prepare: func(_ *testing.T, w *voiceWorld) { w.accounts.accounts = nil }, request: signed, status: http.StatusForbidden},
		"a body beyond limit": {configure: func(c *ingress.Config) { c.MaxBody = 10 }, request: signed, status: http.StatusRequestEntityTooLarge},
	}
}

// fill takes the only place for the length of the test.
func fill(t *testing.T, w *voiceWorld) {
	hang, done := make(chan struct{}), make(chan struct{})
	w.accounts.change(func(d *directory) { d.hang = hang })
	go func() {
		defer close(done)
		w.callback("/twilio/call-status?org="+org, completed)
	}()
	<-w.accounts.asked
	t.Cleanup(func() { close(hang); <-done })
}

// Where no plan is known the URL's own fallback is called, unrecorded and
// without any event; without one the caller hears a regret, and who is proven
// not to be Twilio is refused.
func TestVoiceWithoutAPlan(t *testing.T) {
	t.Parallel()
	for what, test := range unanswerables() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			configure := test.configure
			if configure == nil {
				configure = func(*ingress.Config) {}
			}
			w := newVoiceWorld(t, configure)
			if test.prepare != nil {
				test.prepare(t, w)
			}
			began := time.Now()
			answer := readTwiML(t, w.post(test.request(withSpare)))
			if answer.records() || answer.reaches() != spare || answer.Dial.Action != statusURL {
				t.Errorf("with a fallback: answered %+v", answer)
			}
			plain := w.post(test.request(voiceRoute))
			if took := time.Since(began); took > 2*twilioWaits {
				t.Errorf("two answers after %v", took)
			}
			if test.status == http.StatusOK {
				if answer := readTwiML(t, plain); answer.Dial != nil || answer.records() || len(answer.Say) != 1 || answer.Hangup == nil {
					t.Errorf("without a fallback: answered %+v", answer)
				}
			} else {
				w.status("without a fallback", plain, test.status)
			}
			w.nothing("calls without a plan")
			if n := w.count("callstream_voice_answers_total", prometheus.Labels{"answer": "fallback"}); n != 1 {
				t.Errorf("%v answers counted as fallbacks", n)
			}
		})
	}
}

// TwiML that cannot be written gives way to the next best.
func TestVoiceWithoutTwiML(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		fails   func(schema.VoiceAnswer) bool
		reaches string
	}{
		"of the plan":     {func(a schema.VoiceAnswer) bool { return a.Plan.To == agent }, spare},
		"of any plan":     {func(a schema.VoiceAnswer) bool { return a.Plan.To != "" }, ""},
		"of whatever say": {func(schema.VoiceAnswer) bool { return true }, ""},
	} {
		for how, fail := range map[string]func() (string, error){
			"fails":  func() (string, error) { return "", errors.New("no ink") },
			"panics": func() (string, error) { panic("no ink") },
		} {
			w := newVoiceWorld(t, func(c *ingress.Config) {
				c.TwiML = func(a schema.VoiceAnswer) (string, error) {
					if test.fails(a) {
						return fail()
					}
					return twilio.VoiceTwiML(a)
				}
			})
			answer := w.call(withSpare, voiceForm)
			if answer.records() || answer.reaches() != test.reaches || (answer.Dial == nil) != (answer.Hangup != nil) {
				t.Errorf("writing %s %s: answered %+v", what, how, answer)
			}
		}
	}
}

// What is signed and cannot be decided on is kept as it came, and the caller is
// connected by the signer's own plan.
func TestVoiceKeepsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct{ name, value, reason string }{
		"no call":               {"CallSid", "", schema.ReasonUndecodable},
		"a call that is none":   {"CallSid", "CA1", schema.ReasonUndecodable},
		"a parent that is none": {"ParentCallSid", "CA1", schema.ReasonUndecodable},
		"an endless caller":     {"From", strings.Repeat("9", 300), schema.ReasonUndecodable},
		"another's call":        {"AccountSid", otherAccount, schema.ReasonForeign},
	} {
		w := newVoiceWorld(t)
		if answer := w.call(voiceRoute, with(voiceForm, test.name, test.value)); answer.records() || answer.reaches() != agent {
			t.Errorf("%s: answered %+v", what, answer)
		}
		if letter := w.letter(what); letter.Reason != test.reason || letter.Header[ingress.HeaderRoute][0] != ingress.RouteVoice {
			t.Errorf("%s: dead letter %+v", what, letter)
		}
	}
}
