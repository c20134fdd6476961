package calls_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/consumers/calls"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

const (
	orgID     = "org-1"
	ownNumber = "+15550100"
	customer  = "+15550199"
)

var (
	accountSID = "AC" + strings.Repeat("a", 32)
	nobodysSID = "AC" + strings.Repeat("0", 32)
	happenedAt = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// double is a store that knows ownNumber and accountSID and keeps what it is
// given; merge, where set, may refuse.
type double struct {
	merge    func([]schema.CallUpdate) error
	resolved [][]schema.PhoneQuery
	merged   []schema.CallUpdate
}

func (d *double) ResolvePhoneAndDirection(_ context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error) {
	d.resolved = append(d.resolved, queries)
	resolutions := make([]schema.Resolution, len(queries))
	for i, q := range queries {
		if q.AccountSID == nobodysSID {
			continue
		}
		resolutions[i] = schema.Resolution{AccountOrg: orgID, Direction: q.Leg.Direction()}
		if q.From == ownNumber || q.To == ownNumber {
			resolutions[i].OrganizationID, resolutions[i].PhoneNumber = orgID, ownNumber
		}
	}
	return resolutions, nil
}

func (d *double) MergeCalls(_ context.Context, updates []schema.CallUpdate) ([]bool, error) {
	if d.merge != nil {
		if err := d.merge(updates); err != nil {
			return nil, err
		}
	}
	d.merged = append(d.merged, updates...)
	landed := make([]bool, len(updates))
	for i, u := range updates {
		landed[i] = u.Creates
	}
	return landed, nil
}

func callSID(n int) string { return fmt.Sprintf("CA%032x", n) }

func header(account string) schema.Header {
	return schema.Header{AccountSID: account, OrganizationID: orgID, OccurredAt: happenedAt, Origin: schema.OriginEventStream}
}

func facts(n int, from, to string) schema.CallFacts {
	return schema.CallFacts{CallSID: callSID(n), From: from, To: to, Leg: schema.LegOutboundAPI}
}

// deliver hands the events to a consumer on store as one batch.
func deliver(t *testing.T, store *double, events ...schema.Event) []error {
	t.Helper()
	return consumer(store, nil).HandleBatch(t.Context(), deliveries(events...))
}

func deliveries(events ...schema.Event) []stream.Delivery {
	batch := make([]stream.Delivery, len(events))
	for i, e := range events {
		batch[i] = stream.Delivery{Event: e, Sequence: uint64(i + 1), StoredAt: happenedAt.Add(time.Second), Attempt: 1}
	}
	return batch
}

func consumer(store *double, r prometheus.Registerer) *calls.Consumer {
	return calls.New(calls.Config{Store: store, Logger: slog.New(slog.DiscardHandler), Registerer: r})
}

func TestWhatMayCreateARow(t *testing.T) {
	t.Parallel()
	h := header(accountSID)
	cases := map[string]struct {
		event   schema.Event
		creates bool
	}{
		"answered":                   {schema.CallAnswered{Header: h, Call: facts(1, ownNumber, customer)}, true},
		"answered, numbers unknown":  {schema.CallAnswered{Header: h, Call: facts(1, customer, "client:agent")}, true},
		"received, caller withheld":  {schema.CallReceived{Header: h, Call: facts(1, "", ownNumber)}, true},
		"summary, numbers unknown":   {schema.InsightsSummary{Header: h, Call: facts(1, "sip:a@b", "sip:c@d"), ProcessingState: "partial"}, true},
		"completed":                  {schema.CallCompleted{Header: h, Call: facts(1, ownNumber, customer)}, true},
		"completed, numbers unknown": {schema.CallCompleted{Header: h, Call: facts(1, customer, "client:agent")}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &double{}
			if errs := deliver(t, store, c.event); errs[0] != nil {
				t.Fatal(errs[0])
			}
			u := store.merged[0]
			if u.Creates != c.creates || u.OrganizationID != orgID || u.AccountSID != accountSID {
				t.Errorf("merged %+v, want creates %v", u, c.creates)
			}
			if u.Entry.CallSID != callSID(1) || u.Entry.MsgID != c.event.MsgID() || u.Entry.Sequence != 1 {
				t.Errorf("timeline gets %+v", u.Entry)
			}
		})
	}
}

func TestABatchIsOneLookUpAndOneStatement(t *testing.T) {
	t.Parallel()
	statements := 0
	store := &double{merge: func([]schema.CallUpdate) error { statements++; return nil }}
	events := make([]schema.Event, 500)
	for i := range events {
		events[i] = schema.CallAnswered{Header: header(accountSID), Call: facts(i, ownNumber, customer)}
	}
	if err := errors.Join(deliver(t, store, events...)...); err != nil {
		t.Fatal(err)
	}
	if len(store.resolved) != 1 || statements != 1 || len(store.merged) != 500 {
		t.Errorf("%d look-ups and %d statements for %d rows", len(store.resolved), statements, len(store.merged))
	}
}

func TestADecisionTravelsWithItsCall(t *testing.T) {
	t.Parallel()
	store := &double{}
	decision := schema.Decision{Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true}
	deliver(t, store, schema.CallReceived{Header: header(accountSID), Call: facts(1, customer, ownNumber), Decision: &decision})
	want := decision
	want.CallSID = callSID(1)
	if diff := cmp.Diff(&want, store.merged[0].Decision); diff != "" {
		t.Error(diff)
	}
}

func TestAnAccountOfNobodyConcernsOnlyItsOwnEvents(t *testing.T) {
	t.Parallel()
	store := &double{}
	errs := deliver(t, store,
		schema.CallAnswered{Header: header(accountSID), Call: facts(1, ownNumber, customer)},
		schema.CallAnswered{Header: header(nobodysSID), Call: facts(2, ownNumber, customer)},
		schema.MessageUpdated{Header: header(accountSID)},
		schema.CallAnswered{Header: header(accountSID), Call: schema.CallFacts{CallSID: "../CA1"}},
		schema.CallAnswered{Header: header(accountSID), Call: facts(3, ownNumber, customer)},
	)
	if errs[0] != nil || errs[4] != nil || len(store.merged) != 2 {
		t.Errorf("the neighbours: %v, %v; %d rows", errs[0], errs[4], len(store.merged))
	}
	if streamtest.VerdictOf(errs[1]).Kind != stream.KindTerminal || schema.CodeOf(errs[1]) != schema.Refused {
		t.Errorf("an account of nobody: %v, want a refusal for the dead letters", errs[1])
	}
	for _, i := range []int{2, 3} {
		if streamtest.VerdictOf(errs[i]).Kind != stream.KindTerminal {
			t.Errorf("delivery %d: %v, want the dead letters", i, errs[i])
		}
	}
}

func TestAnOutageIsEverybodysError(t *testing.T) {
	t.Parallel()
	asked := 0
	store := &double{merge: func([]schema.CallUpdate) error {
		asked++
		return schema.Errorf(schema.Unavailable, "database away")
	}}
	h := header(accountSID)
	errs := deliver(t, store, schema.CallAnswered{Header: h, Call: facts(1, ownNumber, customer)}, schema.CallCompleted{Header: h, Call: facts(2, ownNumber, customer)})
	for _, err := range errs {
		if schema.CodeOf(err) != schema.Unavailable || streamtest.VerdictOf(err).Kind == stream.KindTerminal {
			t.Errorf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked a database that is away %d times", asked)
	}
}

func TestCompletionsOfNobodyAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	c := consumer(&double{}, registry)
	errs := c.HandleBatch(t.Context(), deliveries(schema.CallCompleted{Header: header(accountSID), Call: facts(1, customer, "client:agent")}))
	if errs[0] != nil {
		t.Fatalf("skipping is no error: %v", errs[0])
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("gathered %d families, %v", len(families), err)
	}
	if got := families[0].GetMetric()[0].GetCounter().GetValue(); got != 1 {
		t.Errorf("counted %v", got)
	}
}
