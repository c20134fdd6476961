package postgres_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func decision(outcome schema.Outcome, rule schema.Rule) schema.Decision {
	return schema.Decision{CallSID: callSID(1), Outcome: outcome, Rule: rule, Enabled: true, Evidence: "a fact", DecidedAt: noon}
}

func TestADecisionBecomesFinalOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Decision(t.Context(), callSID(1))
	wantCode(t, err, schema.NotFound)

	started := decision(schema.Started, schema.RuleEnabled)
	started.RecordingSID = recordingSID(1)
	for _, step := range []struct{ save, stored schema.Decision }{
		{decision(schema.Starting, schema.RuleEnabled), decision(schema.Starting, schema.RuleEnabled)},
		{started, started},
		{decision(schema.NotStarted, schema.RuleStale), started},
		{decision(schema.Starting, schema.RuleEnabled), started},
		{decision(schema.Failed, schema.RuleTwilioAway), started},
	} {
		got, err := w.SaveDecision(t.Context(), w.account.AccountSID, w.account.OrganizationID, step.save)
		must(t, err)
		if diff := cmp.Diff(step.stored, got); diff != "" {
			t.Errorf("after %s:\n%s", step.save.Outcome, diff)
		}
	}
	got, err := w.Decision(t.Context(), callSID(1))
	must(t, err)
	if diff := cmp.Diff(started, got); diff != "" {
		t.Error(diff)
	}
}

// A call's decision may come before its row, and from several workers at once:
// all of them learn the same one.
func TestAllLearnTheSameDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := []schema.Rule{schema.RuleDisabled, schema.RuleStale, schema.RuleCallEnded, schema.RuleNumberUnknown}
	learned := make([]schema.Decision, len(rules))
	var workers sync.WaitGroup
	for i, rule := range rules {
		workers.Go(func() {
			var err error
			learned[i], err = w.SaveDecision(t.Context(), w.account.AccountSID, "", decision(schema.NotStarted, rule))
			if err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	for _, d := range learned[1:] {
		if diff := cmp.Diff(learned[0], d); diff != "" {
			t.Error(diff)
		}
	}
	w.call(1)
	if diff := cmp.Diff(&learned[0], w.record(callSID(1)).Decision); diff != "" {
		t.Errorf("on the call:\n%s", diff)
	}
}
