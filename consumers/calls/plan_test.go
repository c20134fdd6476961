package calls_test

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/consumers/calls"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// known reads the one call that there is, if there is one.
type known struct{ row *schema.CallRecord }

func (k known) CallRecord(context.Context, string, string) (schema.CallRecord, error) {
	if k.row == nil {
		return schema.CallRecord{}, schema.Errorf(schema.NotFound, "none")
	}
	return *k.row, nil
}

func TestPlans(t *testing.T) {
	t.Parallel()
	seconds, ended := 57, happenedAt.Add(time.Minute+300*time.Nanosecond)
	stored := ended.Round(time.Microsecond) // as the row keeps it
	completed := facts(1, ownNumber, customer)
	completed.Status, completed.Duration, completed.EndedAt = schema.StatusCompleted, &seconds, &ended
	row := func(change func(*schema.CallRecord)) *schema.CallRecord {
		r := &schema.CallRecord{
			CallFacts: facts(1, ownNumber, customer), AccountSID: accountSID, OrganizationID: orgID,
			Direction: schema.LegOutboundAPI.Direction(), PhoneNumber: ownNumber,
		}
		r.Status = schema.StatusInProgress
		change(r)
		return r
	}
	as := func(*schema.CallRecord) {}
	done := func(r *schema.CallRecord) {
		r.Status, r.Duration, r.EndedAt = schema.StatusCompleted, &seconds, &stored
	}
	h := header(accountSID)
	decision := &schema.Decision{Outcome: schema.Started, Rule: schema.RuleTwiML}
	for name, c := range map[string]struct {
		event schema.Event
		row   *schema.CallRecord
		want  string
	}{
		"new":          {schema.CallCompleted{Header: h, Call: completed}, nil, "would create the row"},
		"nobody's":     {schema.CallCompleted{Header: h, Call: facts(1, customer, "client:agent")}, nil, ""},
		"no account":   {schema.CallAnswered{Header: header(nobodysSID), Call: completed}, nil, "would be refused: the account belongs to no organization"},
		"news":         {schema.CallCompleted{Header: h, Call: completed}, row(as), "would set status completed, end 2026-05-04T12:01:00Z, duration 57"},
		"no news":      {schema.CallCompleted{Header: h, Call: completed}, row(done), ""},
		"old news":     {schema.CallAnswered{Header: h, Call: facts(1, ownNumber, customer)}, row(done), ""},
		"another's":    {schema.CallCompleted{Header: h, Call: completed}, row(func(r *schema.CallRecord) { r.AccountSID = "AC1" }), ""},
		"a decision":   {schema.CallReceived{Header: h, Call: facts(1, ownNumber, customer), Decision: decision}, row(as), "would set decision started: twiml"},
		"decided once": {schema.CallReceived{Header: h, Call: facts(1, ownNumber, customer), Decision: decision}, row(func(r *schema.CallRecord) { r.Decision = decision }), ""},
	} {
		store := &double{}
		consumer := calls.New(calls.Config{Store: store, Records: known{c.row}})
		plan, err := consumer.Plan(t.Context(), deliveries(c.event)[0])
		if err != nil || plan.Change != c.want || plan.CallSID != callSID(1) {
			t.Errorf("%s: %+v, %v; want %q", name, plan, err, c.want)
		}
		if len(store.merged) > 0 {
			t.Errorf("%s: a plan did something", name)
		}
	}
}

func TestAReplayCountsNothing(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	c := consumer(&double{}, registry)
	batch := deliveries(schema.CallCompleted{Header: header(accountSID), Call: facts(1, customer, "client:agent")})
	for _, active := range []bool{false, true} {
		batch[0].Replay = stream.Replaying{Active: active}
		if errs := c.HandleBatch(t.Context(), batch); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || families[0].GetMetric()[0].GetCounter().GetValue() != 1 {
		t.Errorf("counted %v, %v; want the live one", families, err)
	}
}
