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

// A tenant's events may name another's call. What it decides of it is not the
// call's decision, whether it comes while the owner is still at it or before.
func TestAnotherAccountDecidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	save := func(a schema.Account, d schema.Decision) (schema.Decision, error) {
		return w.SaveDecision(t.Context(), a.AccountSID, a.OrganizationID, d)
	}
	starting := decision(schema.Starting, schema.RuleEnabled)
	_, err := save(w.account, starting)
	must(t, err)
	_, err = save(neighbour, decision(schema.Failed, schema.RuleTwilioAway))
	wantCode(t, err, schema.Conflict)
	got, err := w.Decision(t.Context(), callSID(1))
	must(t, err)
	if diff := cmp.Diff(starting, got); diff != "" {
		t.Errorf("the neighbour changed it:\n%s", diff)
	}

	early := decision(schema.NotStarted, schema.RuleStale)
	early.CallSID = callSID(2)
	_, err = save(neighbour, early)
	must(t, err) // so far it might be the neighbour's
	w.call(2)
	own := decision(schema.Started, schema.RuleEnabled)
	own.CallSID = callSID(2)
	got, err = save(w.account, own)
	must(t, err)
	if diff := cmp.Diff(own, got); diff != "" {
		t.Errorf("the owner's decision is not the one stored:\n%s", diff)
	}
	if diff := cmp.Diff(&own, w.record(callSID(2)).Decision); diff != "" {
		t.Errorf("on the call:\n%s", diff)
	}
}

// An event that waits for its call's row may carry a decision; another
// account's must neither stand in the way of the owner's nor end the batch.
func TestAForgedDecisionThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	forged := w.joining(schema.KindCallReceived, schema.CallFacts{CallSID: callSID(1)})
	forged.AccountSID = neighbour.AccountSID
	no, yes := decision(schema.NotStarted, schema.RuleDisabled), decision(schema.Started, schema.RuleTwiML)
	forged.Decision = &no
	own := w.update(schema.KindCallReceived, schema.CallFacts{CallSID: callSID(1)})
	own.Decision = &yes
	w.merge(forged)
	w.merge(own)
	if diff := cmp.Diff(&yes, w.record(callSID(1)).Decision); diff != "" {
		t.Error(diff)
	}
}
