package recorder_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// replayed is a delivery from history.
func replayed(event schema.CallAnswered, mayAct bool) stream.Delivery {
	return stream.Delivery{
		Event: event, Sequence: 7, StoredAt: answeredAt.Add(time.Second), Attempt: 1,
		Replay: stream.Replaying{Active: true, Force: true, SideEffects: mayAct},
	}
}

func TestAReplayDecidesNothing(t *testing.T) {
	t.Parallel()
	final := schema.Decision{CallSID: parentSID, Outcome: schema.Started, Rule: schema.RuleEnabled, Enabled: true, RecordingSID: ownRE}
	for name, c := range map[string]struct {
		stored   []schema.Decision
		timeline int
	}{
		"nothing stored":   {},
		"starting":         {[]schema.Decision{{CallSID: parentSID, Outcome: schema.Starting, Rule: schema.RuleEnabled}}, 0},
		"a final decision": {[]schema.Decision{final}, 1},
	} {
		for _, age := range []time.Duration{0, 24 * time.Hour} { // the call may live, or not
			w := newWorld()
			w.now = answeredAt.Add(age)
			for _, d := range c.stored {
				w.decisions[parentSID] = d
			}
			ctx := stream.WithDelivery(t.Context(), replayed(outbound(), false))
			if err := recorder.New(w.config()).Handle(ctx, outbound()); err != nil {
				t.Fatal(err)
			}
			if len(w.log) > 0 || len(w.decisions) != len(c.stored) || len(w.timeline) != c.timeline {
				t.Errorf("%s: did %v, decisions %v, timeline %v", name, w.log, w.decisions, w.timeline)
			}
			if len(c.stored) > 0 {
				if diff := cmp.Diff(c.stored[0], w.decisions[parentSID]); diff != "" {
					t.Errorf("%s (-before +after):\n%s", name, diff)
				}
			}
		}
	}
}

func TestAReplayThatMayActKeepsToTheRules(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]schema.Rule{time.Second: schema.RuleEnabled, time.Hour: schema.RuleStale} {
		w := newWorld()
		w.now = answeredAt.Add(age)
		ctx := stream.WithDelivery(t.Context(), replayed(outbound(), true))
		if err := recorder.New(w.config()).Handle(ctx, outbound()); err != nil {
			t.Fatal(err)
		}
		if got := w.decisions[parentSID].Rule; got != want || (w.starts() > 0) != (want == schema.RuleEnabled) {
			t.Errorf("after %s: %s, %d starts", age, got, w.starts())
		}
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stored schema.Outcome
		age    time.Duration
		mayAct bool
		want   string
	}{
		"decided":            {schema.NotStarted, 0, true, ""},
		"fresh":              {"", 0, true, "would decide on the call, and might start a recording"},
		"fresh, not allowed": {"", 0, false, "would decide on the call, and might start a recording, if allowed to"},
		"old":                {"", time.Hour, true, "would decide that the call is not recorded"},
		"starting":           {schema.Starting, time.Hour, true, "would look whether"},
	} {
		w := newWorld()
		w.now = answeredAt.Add(c.age)
		if c.stored != "" {
			w.decisions[parentSID] = schema.Decision{CallSID: parentSID, Outcome: c.stored}
		}
		plan, err := recorder.New(w.config()).Plan(t.Context(), replayed(dialled(), c.mayAct))
		if err != nil || !strings.HasPrefix(plan.Change, c.want) || (c.want == "") != (plan.Change == "") || plan.CallSID != parentSID {
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
		if len(w.log) > 0 || len(w.timeline) > 0 {
			t.Errorf("%s: a plan did something: %v", name, w.log)
		}
	}
}
