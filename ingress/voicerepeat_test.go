package ingress_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// Twilio asks again when an answer did not reach it: the first decision holds.
func TestVoiceAskedTwice(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		off, offAgain bool // the switch, the first and the second time
		records       [2]bool
		outcome       schema.Outcome
	}{
		"on":                 {false, false, [2]bool{true, true}, schema.Started},
		"off":                {true, true, [2]bool{false, false}, schema.NotStarted},
		"switched on since":  {true, false, [2]bool{false, false}, schema.NotStarted},
		"switched off since": {false, true, [2]bool{true, false}, schema.Started},
	} {
		w := newVoiceWorld(t)
		var told []string
		for n, off := range []bool{test.off, test.offAgain} {
			w.phones.turn(off)
			if answer := w.call(voiceRoute, voiceForm); answer.records() != test.records[n] || answer.reaches() != agent {
				t.Errorf("%s: answer %d is %+v", what, n+1, answer)
			}
			event, id := w.received(what)
			if event.Decision.Outcome != test.outcome {
				t.Errorf("%s: told %+v", what, event.Decision)
			}
			told = append(told, id)
		}
		if told[0] != told[1] {
			t.Errorf("%s: told as %v, want one fact", what, told)
		}
	}
}

// What others decided on the call is not overruled.
func TestVoiceOfACallThatOthersDecidedOn(t *testing.T) {
	t.Parallel()
	for _, d := range []schema.Decision{
		{CallSID: callSID, Outcome: schema.Starting, Rule: schema.RuleEnabled, Enabled: true, DecidedAt: now},
		{CallSID: callSID, Outcome: schema.Started, Rule: schema.RuleEnabled, Enabled: true, RecordingSID: recordSID, DecidedAt: now},
		{CallSID: callSID, Outcome: schema.NotStarted, Rule: schema.RuleAlreadyRunning, DecidedAt: now},
	} {
		w := newVoiceWorld(t)
		w.phones.decisions[callSID] = d
		if answer := w.call(voiceRoute, voiceForm); answer.records() || answer.reaches() != agent {
			t.Errorf("%s, %s: answered %+v", d.Outcome, d.Rule, answer)
		}
		if diff := cmp.Diff(d, w.phones.decisions[callSID]); diff != "" {
			t.Errorf("%s, %s: %s", d.Outcome, d.Rule, diff)
		}
	}
}

// A decision that comes in between, by another ingress, stands.
func TestVoiceDecidedElsewhereMeanwhile(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	no := schema.Decision{CallSID: callSID, Outcome: schema.NotStarted, Rule: schema.RuleDisabled, DecidedAt: now}
	w.phones.save = func(context.Context, schema.Decision) (schema.Decision, error) { return no, nil }
	if answer := w.call(voiceRoute, voiceForm); answer.records() {
		t.Errorf("answered %+v", answer)
	}
	yes := schema.Decision{CallSID: callSID, Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, DecidedAt: now}
	w.publisher.take()
	w.phones.save = func(context.Context, schema.Decision) (schema.Decision, error) { return yes, nil }
	w.phones.turn(true)
	if answer := w.call(voiceRoute, voiceForm); answer.records() {
		t.Errorf("with the switch off: answered %+v", answer)
	}
	if event, _ := w.received("decided elsewhere"); !event.Decision.ByTwiML() {
		t.Errorf("told %+v, want what is stored", event.Decision)
	}
}

// A no that the database could not take does not keep the news of a later yes
// out of the stream.
func TestVoiceAfterANoThatWasNotStored(t *testing.T) {
	t.Parallel()
	for what, breakIt := range map[string]func(*phones){
		"not stored": func(p *phones) {
			p.off = true
			p.save = func(context.Context, schema.Decision) (schema.Decision, error) { return schema.Decision{}, away }
		},
		"not asked": func(p *phones) {
			p.check = func(context.Context, schema.PhoneQuery) schema.RecordingCheck {
				return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: away.Error()}
			}
		},
	} {
		w := newVoiceWorld(t)
		breakIt(w.phones)
		w.call(voiceRoute, voiceForm)
		event, first := w.received(what)
		if event.Decision.Outcome != schema.NotStarted {
			t.Errorf("%s: told %+v", what, event.Decision)
		}
		w.phones.off, w.phones.save, w.phones.check = false, nil, nil
		if answer := w.call(voiceRoute, voiceForm); !answer.records() {
			t.Errorf("%s: answered %+v", what, answer)
		}
		if event, second := w.received(what); !event.Decision.ByTwiML() || second == first {
			t.Errorf("%s: told %+v as %s, after %s", what, event.Decision, second, first)
		}
	}
}

// With the stream away nothing is stored as recorded: the recorder may still
// do it.
func TestVoiceUnheardIsUndecided(t *testing.T) {
	t.Parallel()
	w := newVoiceWorld(t)
	w.publisher.publish = func(context.Context, []schema.Event) error { return away }
	w.call(voiceRoute, voiceForm)
	if len(w.phones.decisions) != 0 {
		t.Errorf("decided %+v", w.phones.decisions)
	}
}
