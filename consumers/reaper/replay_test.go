package reaper_test

import (
	"strings"
	"testing"

	"github.com/loquent/callstream/consumers/reaper"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// replayed is a delivery from history.
func (w *world) replayed(mayAct bool) stream.Delivery {
	event := schema.RecordingTranscribed{Header: schema.Header{AccountSID: accountSID}, Recording: w.record.RecordingFacts, Skipped: w.skipped}
	return stream.Delivery{Event: event, Sequence: 9, Attempt: 1, Replay: stream.Replaying{Active: true, Force: true, SideEffects: mayAct}}
}

func TestAReplayDeletesOnlyWhenToldTo(t *testing.T) {
	t.Parallel()
	for _, mayAct := range []bool{false, true} {
		w := newWorld()
		d := w.replayed(mayAct)
		if err := reaper.New(w.config()).Handle(stream.WithDelivery(t.Context(), d), d.Event.(schema.RecordingTranscribed)); err != nil {
			t.Fatal(err)
		}
		if (w.deletes > 0) != mayAct || (w.record.Receipt != nil) != mayAct || (len(w.timeline) > 0) != mayAct {
			t.Errorf("allowed %v: %d deletions, receipt %+v, timeline %v", mayAct, w.deletes, w.record.Receipt, w.timeline)
		}
	}
}

// TestNoForceOpensTheGate replays what has to stay.
func TestNoForceOpensTheGate(t *testing.T) {
	t.Parallel()
	for name, shut := range map[string]func(*world){
		"deleted already": func(w *world) { w.record.Receipt = &schema.DeletionReceipt{} },
		"no proven copy":  func(w *world) { w.record.Object = nil },
		"quarantined":     func(w *world) { w.record.Quarantined = true },
		"no transcript":   func(w *world) { w.record.Transcript = nil },
		"policy":          func(w *world) { w.account.Delete = schema.DeleteNever },
	} {
		w := newWorld()
		shut(w)
		d := w.replayed(true)
		plan, err := reaper.New(w.config()).Plan(t.Context(), d)
		if err != nil || plan.Change != "" {
			t.Errorf("%s: planned %+v, %v", name, plan, err)
		}
		if err := reaper.New(w.config()).Handle(stream.WithDelivery(t.Context(), d), d.Event.(schema.RecordingTranscribed)); err != nil || w.deletes > 0 {
			t.Errorf("%s: %d deletions, %v", name, w.deletes, err)
		}
	}
}

func TestPlansOfDeletion(t *testing.T) {
	t.Parallel()
	for mayAct, want := range map[bool]string{true: "would delete it at Twilio", false: "would delete it at Twilio, if allowed to"} {
		w := newWorld()
		plan, err := reaper.New(w.config()).Plan(t.Context(), w.replayed(mayAct))
		if err != nil || plan.Change != want || plan.RecordingSID != sid || w.deletes > 0 || w.record.Receipt != nil {
			t.Errorf("%+v, %v, %d deletions", plan, err, w.deletes)
		}
	}
	w := newWorld()
	w.account.AccountSID = ""
	if plan, err := reaper.New(w.config()).Plan(t.Context(), w.replayed(true)); err != nil || !strings.HasPrefix(plan.Change, "would be refused") {
		t.Errorf("of an account that is gone: %+v, %v", plan, err)
	}
}
