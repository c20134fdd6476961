package recorder_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

func TestStartsOnceAgainstAFreshYes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var callback string
	w.start = func(_, url string) (schema.RecordingFacts, error) {
		callback = url
		return by(ownRE, schema.SourceStartCallRecordingAPI, schema.RecordingInProgress), nil
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	want := []string{"lease call:" + parentSID, "ask", "list", "ask", "store starting", "start", "ask", "store recording", "store started"}
	if diff := cmp.Diff(want, w.log); diff != "" {
		t.Errorf("order of steps (-want +got):\n%s", diff)
	}
	d := w.decisions[parentSID]
	if d.Outcome != schema.Started || d.RecordingSID != ownRE || !d.Enabled || d.Rule != schema.RuleEnabled {
		t.Errorf("stored %+v", d)
	}
	if callback != "https://app.example.com/twilio/recording?org="+orgID {
		t.Errorf("callback goes to %q", callback)
	}
	if len(w.timeline) != 1 || w.timeline[0].CallSID != parentSID || w.timeline[0].Sequence != 7 {
		t.Errorf("timeline is %+v", w.timeline)
	}
}

func TestEveryNoIsStoredAndStartsNothing(t *testing.T) {
	t.Parallel()
	for _, rule := range []schema.Rule{schema.RuleNumberUnknown, schema.RuleNoSettings, schema.RuleDisabled, schema.RuleLookupFailed} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.check = func(int, schema.PhoneQuery) schema.RecordingCheck {
				return schema.RecordingCheck{Rule: rule, Evidence: "what was seen"}
			}
			if err := w.handle(t, outbound(), 1); err != nil {
				t.Fatal(err)
			}
			d := w.decisions[parentSID]
			if d.Outcome != schema.NotStarted || d.Rule != rule || d.Evidence != "what was seen" || d.Enabled {
				t.Errorf("stored %+v", d)
			}
			if slices.Contains(w.log, "list") || w.starts() > 0 {
				t.Errorf("asked Twilio: %v", w.log)
			}
		})
	}
}

func TestNothingStartsWhenItIsTooLate(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*world, *schema.CallAnswered)
		rule   schema.Rule
	}{
		"old news": {func(w *world, _ *schema.CallAnswered) {
			w.now = answeredAt.Add(recorder.MaxAge + time.Second)
		}, schema.RuleStale},
		"news of unknown age, long stored": {func(w *world, e *schema.CallAnswered) {
			e.OccurredAt = time.Time{}
			w.now = answeredAt.Add(time.Hour)
		}, schema.RuleStale},
		"call completed": {func(w *world, _ *schema.CallAnswered) {
			w.statuses[parentSID] = schema.StatusCompleted
		}, schema.RuleCallEnded},
		"call busy, by a later event": {func(w *world, _ *schema.CallAnswered) {
			w.statuses[parentSID] = schema.StatusBusy
		}, schema.RuleCallEnded},
		"Twilio says it is over": {func(w *world, _ *schema.CallAnswered) {
			w.start = func(string, string) (schema.RecordingFacts, error) {
				return schema.RecordingFacts{}, schema.Errorf(schema.Refused, "21220: %w", schema.ErrCallEnded)
			}
		}, schema.RuleCallEnded},
		"parent over, and only it has the number": {func(w *world, e *schema.CallAnswered) {
			*e, w.check = dialled(), numbered
			w.fetch = func(string) (schema.CallFacts, error) {
				return schema.CallFacts{From: customer, To: ownNumber, Status: schema.StatusCompleted}, nil
			}
		}, schema.RuleCallEnded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, event := newWorld(), outbound()
			c.change(w, &event)
			if err := w.handle(t, event, 1); err != nil {
				t.Fatalf("a final outcome is no error: %v", err)
			}
			if d := w.decisions[parentSID]; d.Outcome != schema.NotStarted || d.Rule != c.rule {
				t.Errorf("stored %+v, want %s", d, c.rule)
			}
		})
	}
}

func TestNeverASecondRecordingBesideAnother(t *testing.T) {
	t.Parallel()
	for _, running := range []schema.RecordingFacts{
		by(otherRE, "DialVerb", schema.RecordingInProgress),
		by(otherRE, "Trunking", schema.RecordingPaused),
		by(otherRE, schema.SourceStartCallRecordingAPI, schema.RecordingInProgress),
		by(otherRE, schema.SourceStartCallRecordingAPI, schema.RecordingCompleted), // perhaps ours, and its marker lost
	} {
		w := newWorld()
		w.list = func(string) ([]schema.RecordingFacts, error) { return []schema.RecordingFacts{running}, nil }
		if err := w.handle(t, outbound(), 1); err != nil {
			t.Fatal(err)
		}
		d := w.decisions[parentSID]
		if w.starts() > 0 || d.Outcome != schema.NotStarted || d.Rule != schema.RuleAlreadyRunning || d.RecordingSID != otherRE {
			t.Errorf("beside %s: %d starts, stored %+v", running.Source, w.starts(), d)
		}
	}
}

func TestAFinishedVoicemailDoesNotKeepTheCallFromBeingRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.list = func(string) ([]schema.RecordingFacts, error) {
		return []schema.RecordingFacts{by(otherRE, "RecordVerb", schema.RecordingCompleted)}, nil
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Started {
		t.Errorf("stored %+v", d)
	}
}

func TestSwitchGoingOffBeforeTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = func(asked int, _ schema.PhoneQuery) schema.RecordingCheck {
		if asked == 1 {
			return yes
		}
		return no // while Twilio listed
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; w.starts() > 0 || d.Rule != schema.RuleDisabled {
		t.Errorf("%d starts, stored %+v", w.starts(), d)
	}
}

func TestSwitchGoingOffDuringTheStartQuarantines(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = func(int, schema.PhoneQuery) schema.RecordingCheck {
		if w.starts() == 0 {
			return yes
		}
		return no
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	if !w.quarantined[ownRE] {
		t.Error("the recording against the switch is not quarantined")
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Started || d.RecordingSID != ownRE || !strings.Contains(d.Evidence, "quarantined") {
		t.Errorf("stored %+v", d)
	}
	if quarantine, final := slices.Index(w.log, "store recording"), slices.Index(w.log, "store started"); quarantine > final {
		t.Error("the decision is final before the quarantine is stored: a crash between them loses it")
	}
}

func TestSwitchThatCannotBeReadAfterTheStartIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = func(int, schema.PhoneQuery) schema.RecordingCheck {
		if w.starts() == 0 {
			return yes
		}
		return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: "connection refused"}
	}
	if err := w.handle(t, outbound(), 1); schema.CodeOf(err) != schema.Unavailable {
		t.Fatalf("got %v, want a retry", err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Starting {
		t.Errorf("stored %+v, want the marker to stand", d)
	}
	w.check = func(int, schema.PhoneQuery) schema.RecordingCheck { return no }
	w.list = func(string) ([]schema.RecordingFacts, error) {
		return []schema.RecordingFacts{by(ownRE, schema.SourceStartCallRecordingAPI, schema.RecordingInProgress)}, nil
	}
	if err := w.handle(t, outbound(), 2); err != nil {
		t.Fatal(err)
	}
	if w.starts() != 1 || !w.quarantined[ownRE] {
		t.Errorf("%d starts, quarantined %v", w.starts(), w.quarantined)
	}
}

func TestRedeliveryAdoptsWhatIsArchivedAndGoneAtTwilio(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: schema.Starting, Rule: schema.RuleEnabled, Enabled: true}
	w.statuses[parentSID] = schema.StatusCompleted
	gone := by(ownRE, schema.SourceStartCallRecordingAPI, schema.RecordingCompleted)
	w.archived = &gone
	if err := w.handle(t, outbound(), 2); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; w.starts() > 0 || d.Outcome != schema.Started || d.RecordingSID != ownRE {
		t.Errorf("%d starts, stored %+v", w.starts(), d)
	}
}

func TestRedeliveryAdoptsWhatAnEarlierAttemptStarted(t *testing.T) {
	t.Parallel()
	for _, status := range []schema.RecordingStatus{schema.RecordingInProgress, schema.RecordingCompleted} {
		w := newWorld()
		w.now = answeredAt.Add(time.Hour) // however late: the audio is there
		w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: schema.Starting, Rule: schema.RuleEnabled, Enabled: true}
		w.list = func(string) ([]schema.RecordingFacts, error) {
			return []schema.RecordingFacts{by(otherRE, "DialVerb", status), by(ownRE, schema.SourceStartCallRecordingAPI, status)}, nil
		}
		if err := w.handle(t, outbound(), 2); err != nil {
			t.Fatal(err)
		}
		if d := w.decisions[parentSID]; w.starts() > 0 || d.Outcome != schema.Started || d.RecordingSID != ownRE {
			t.Errorf("%d starts, stored %+v", w.starts(), d)
		}
	}
}

func TestRedeliveryListsBeforeItStartsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: schema.Starting, Rule: schema.RuleEnabled, Enabled: true}
	if err := w.handle(t, outbound(), 2); err != nil {
		t.Fatal(err)
	}
	list, start := slices.Index(w.log, "list"), slices.Index(w.log, "start")
	if list < 0 || start < list || w.starts() != 1 {
		t.Errorf("steps were %v", w.log)
	}
}

func TestAnEarlierAttemptThatCameToNothingIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.now = answeredAt.Add(time.Hour)
	w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: schema.Starting, Rule: schema.RuleEnabled, Enabled: true}
	if err := w.handle(t, outbound(), 9); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Failed || d.Rule != schema.RuleTwilioAway || !d.Enabled {
		t.Errorf("stored %+v", d)
	}
}

func TestFinalDecisionStands(t *testing.T) {
	t.Parallel()
	for _, outcome := range []schema.Outcome{schema.Started, schema.NotStarted, schema.Failed} {
		w := newWorld()
		w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: outcome, Rule: schema.RuleTwiML}
		if err := w.handle(t, outbound(), 1); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(w.log, "list") || slices.Contains(w.log, "ask") || w.starts() > 0 {
			t.Errorf("%s: %v", outcome, w.log)
		}
		if len(w.timeline) != 1 {
			t.Errorf("%s: timeline is %+v, want the line that a crash may have kept from it", outcome, w.timeline)
		}
	}
}

// Our TwiML's decision is stored before the call is answered, so it is found
// though nobody has stored the call yet.
func TestACallThatOurTwiMLAnsweredIsLeftToIt(t *testing.T) {
	t.Parallel()
	for _, event := range []schema.CallAnswered{outbound(), inboundOf(parentSID)} {
		w := newWorld()
		clear(w.statuses)
		w.now = answeredAt.Add(10 * time.Second)
		twiml := schema.Decision{CallSID: parentSID, Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true}
		w.decisions[parentSID] = twiml
		if err := w.handle(t, event, 1); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(w.log, "list") || w.starts() > 0 || w.decisions[parentSID] != twiml {
			t.Errorf("%s: %v, stored %+v", event.Call.CallSID, w.log, w.decisions[parentSID])
		}
	}
}

// inboundOf is the news that the caller's own leg is answered.
func inboundOf(callSID string) schema.CallAnswered {
	event := outbound()
	event.Call.CallSID, event.Call.ParentCallSID, event.Call.Leg = callSID, "", schema.LegInbound
	return event
}

func TestADecisionThatComesInBetweenStands(t *testing.T) {
	t.Parallel()
	w := newWorld()
	twiml := schema.Decision{CallSID: parentSID, Outcome: schema.Started, Rule: schema.RuleTwiML}
	w.list = func(string) ([]schema.RecordingFacts, error) {
		w.decisions[parentSID] = twiml
		return nil, nil
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; w.starts() > 0 || d != twiml {
		t.Errorf("%d starts, stored %+v", w.starts(), d)
	}
}

func TestADialledLegDecidesOnItsParent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = numbered
	if err := w.handle(t, dialled(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Started {
		t.Errorf("parent: %+v", d)
	}
	if _, ok := w.decisions[childSID]; ok {
		t.Error("the leg has a decision of its own")
	}
	if len(w.timeline) != 1 || w.timeline[0].CallSID != parentSID {
		t.Errorf("the parent's timeline is %+v", w.timeline)
	}
	if err := w.handle(t, outbound(), 1); err != nil { // the parent's own event
		t.Fatal(err)
	}
	if w.starts() != 1 {
		t.Errorf("%d recordings for one call", w.starts())
	}
}

func TestTheParentIsFetchedOnlyForItsNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = numbered
	event := dialled()
	event.Call.From = ownNumber
	if err := w.handle(t, event, 1); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(w.log, "fetch") || w.starts() != 1 {
		t.Errorf("steps were %v", w.log)
	}
}

func TestALegOfNobodysParentIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.check = numbered
	w.fetch = func(string) (schema.CallFacts, error) {
		return schema.CallFacts{}, schema.Errorf(schema.NotFound, "404")
	}
	if err := w.handle(t, dialled(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.NotStarted || d.Rule != schema.RuleNumberUnknown {
		t.Errorf("stored %+v", d)
	}
}

func TestAnInboundCallWaitsForItsNews(t *testing.T) {
	t.Parallel()
	w := newWorld()
	delete(w.statuses, childSID)
	if got := streamtest.VerdictOf(w.handle(t, dialled(), 1)); got.Kind != stream.KindSnooze {
		t.Errorf("got %+v, want a snooze", got)
	}
	w.now = answeredAt.Add(10 * time.Second) // nobody stores calls
	if err := w.handle(t, dialled(), 1); err != nil {
		t.Fatal(err)
	}
	if w.starts() != 1 {
		t.Error("a call is not recorded because another consumer is down")
	}
}

func TestOneWorkerDecidesAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.held = true
	if got := streamtest.VerdictOf(w.handle(t, outbound(), 1)); got.Kind != stream.KindSnooze {
		t.Errorf("got %+v, want a snooze", got)
	}
	if len(w.decisions) > 0 {
		t.Errorf("decided without the lease: %+v", w.decisions)
	}
}

func TestNoAccountNoRecording(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.account = func() (schema.Account, error) {
		return schema.Account{}, schema.Errorf(schema.NotFound, "no such account")
	}
	if err := w.handle(t, outbound(), 1); err != nil {
		t.Fatal(err)
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.NotStarted || d.Rule != schema.RuleNoSettings {
		t.Errorf("stored %+v", d)
	}
}

func TestWithoutPermissionNothingStarts(t *testing.T) {
	t.Parallel()
	w := newWorld()
	config := w.config()
	config.Starter = nil
	if err := recorder.New(config).Handle(t.Context(), outbound()); err != nil {
		t.Fatal(err)
	}
	if w.starts() > 0 || len(w.decisions) > 0 {
		t.Errorf("%d starts, stored %+v", w.starts(), w.decisions)
	}
}

func TestAnEventWithoutACallIsGivenUp(t *testing.T) {
	t.Parallel()
	w, event := newWorld(), outbound()
	event.Call.CallSID = "../" + parentSID
	if got := streamtest.VerdictOf(w.handle(t, event, 1)); got.Kind != stream.KindTerminal {
		t.Errorf("got %+v, want the dead letters", got)
	}
}

func TestShutdownIsNotTwiliosFault(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.now = answeredAt.Add(recorder.MaxAge) // too late for a retry, if Twilio had failed
	ctx, cancel := context.WithCancel(t.Context())
	w.start = func(string, string) (schema.RecordingFacts, error) {
		cancel()
		return schema.RecordingFacts{}, ctx.Err()
	}
	if err := recorder.New(w.config()).Handle(ctx, outbound()); err == nil {
		t.Fatal("an interrupted start passes for done")
	}
	if d := w.decisions[parentSID]; d.Outcome != schema.Starting {
		t.Errorf("stored %+v, want the marker for the next attempt", d)
	}
}

// Seconds of a call that nobody records cannot be brought back, and the row is
// a matter of milliseconds.
func TestNewsThatAreAboutToBeStoredAreWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.now, w.newsAfter = answeredAt.Add(time.Second), 3
	if err := w.handle(t, dialled(), 1); err != nil {
		t.Fatal(err)
	}
	if w.starts() != 1 {
		t.Errorf("%d starts: %v", w.starts(), w.log)
	}
}
