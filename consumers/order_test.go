package consumers_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// story is what may be told of one call: its events, in no order.
type story []schema.Event

// TestACallIsAFunctionOfItsEvents tells the same events of a call twice: once
// one by one, as they happened, and once in any order, some of them again, in
// batches of any size, to several workers at once. The rows must be the same,
// and be what the events say together.
func TestACallIsAFunctionOfItsEvents(t *testing.T) {
	t.Parallel()
	p := &pipeline{db: postgrestest.New(t)}
	p.account = newOrganization(t, p.db, ownNumber)
	rapid.Check(t, func(t *rapid.T) {
		told := stories(p.header()).Draw(t, "story")
		told.put(sid(schema.CallPrefix))
		for _, e := range told {
			p.tell(t, story{e})
		}
		want := p.row(t, told)

		again := append(story{}, told...)
		again = append(again, rapid.SliceOfN(rapid.SampledFrom(told), 0, 3).Draw(t, "again")...)
		again.put(sid(schema.CallPrefix))
		again = rapid.Permutation(again).Draw(t, "order")
		var workers sync.WaitGroup
		for rest := again; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			batch := rest[:n]
			rest = rest[n:]
			workers.Go(func() { p.tell(t, batch) })
		}
		workers.Wait()
		if diff := cmp.Diff(want, p.row(t, again)); diff != "" {
			t.Fatalf("told in another way, the call is another (-once +again):\n%s", diff)
		}
		if diff := cmp.Diff(model(told), facts(want)); diff != "" {
			t.Fatalf("the call is not what its events say (-events +row):\n%s", diff)
		}
	})
}

// stories draws the events of one call, all of which are of the kinds that the
// calls consumer reads.
func stories(header schema.Header) *rapid.Generator[story] {
	event := rapid.Custom(func(t *rapid.T) schema.Event {
		call := schema.CallFacts{
			ParentCallSID: rapid.SampledFrom([]string{"", "", "CA00000000000000000000000000000000"}).Draw(t, "parent"),
			From:          rapid.SampledFrom([]string{"", ownNumber, customer, "sip:alice@example.com"}).Draw(t, "from"),
			To:            rapid.SampledFrom([]string{"", ownNumber, customer, agent}).Draw(t, "to"),
			Leg:           rapid.SampledFrom(append([]schema.Leg{""}, schema.Legs...)).Draw(t, "leg"),
			StartedAt:     moments.Draw(t, "started"),
			AnsweredAt:    moments.Draw(t, "answered"),
			EndedAt:       moments.Draw(t, "ended"),
			Caller:        rapid.SampledFrom([]string{"", "José & Söhne"}).Draw(t, "caller"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			call.Status = schema.StatusInProgress
			return schema.CallAnswered{Header: header, Call: call}
		case 1:
			call.Status = schema.StatusRinging
			decision := &schema.Decision{Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, DecidedAt: header.OccurredAt}
			return schema.CallReceived{Header: header, Call: call, Decision: decision}
		case 2:
			call.Status = rapid.SampledFrom(schema.CallStatuses[4:]).Draw(t, "status")
			call.Duration = rapid.Ptr(rapid.SampledFrom([]int{0, 57, 37250}), true).Draw(t, "duration")
			return schema.CallCompleted{Header: header, Call: call}
		}
		call.Status = rapid.SampledFrom(schema.CallStatuses).Draw(t, "status")
		state := rapid.SampledFrom([]string{"partial", "predicted-complete", "complete"}).Draw(t, "state")
		return schema.InsightsSummary{Header: header, Call: call, ProcessingState: state}
	})
	return rapid.Custom(func(t *rapid.T) story {
		// Of one kind there is one fact: the stream lets no second one pass.
		return rapid.SliceOfNDistinct(event, 1, 6, schema.Event.MsgID).Draw(t, "events")
	})
}

// moments are times of a call, or none.
var moments = rapid.Custom(func(t *rapid.T) *time.Time {
	second := rapid.IntRange(-1, 5).Draw(t, "second")
	if second < 0 {
		return nil
	}
	at := time.Date(2026, 5, 4, 23, 59, 57+second, 0, time.UTC)
	return &at
})

// put makes the events those of the given call.
func (s story) put(callSID string) {
	for i, e := range s {
		switch e := e.(type) {
		case schema.CallAnswered:
			e.Call.CallSID = callSID
			s[i] = e
		case schema.CallReceived:
			e.Call.CallSID = callSID
			s[i] = e
		case schema.CallCompleted:
			e.Call.CallSID = callSID
			s[i] = e
		case schema.InsightsSummary:
			e.Call.CallSID = callSID
			s[i] = e
		}
	}
}

// tell hands the events to a worker as one batch.
func (p *pipeline) tell(t *rapid.T, events story) {
	batch := make([]stream.Delivery, len(events))
	for i, e := range events {
		batch[i] = stream.Delivery{Event: e, Sequence: 1, StoredAt: e.Meta().OccurredAt, Attempt: 1}
	}
	if err := errors.Join(p.calls().HandleBatch(t.Context(), batch)...); err != nil {
		t.Error(err)
	}
}

// row is what the database knows of the story's call, or nil; without what
// differs by the call's name and the time of storing.
func (p *pipeline) row(t *rapid.T, events story) *schema.CallRecord {
	callSID, _ := events[0].Refs()
	record, err := p.db.CallRecord(t.Context(), p.account.OrganizationID, callSID)
	if schema.CodeOf(err) == schema.NotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	record.CallSID, record.CreatedAt, record.UpdatedAt = "", time.Time{}, time.Time{}
	if record.Decision != nil {
		record.Decision.CallSID = ""
	}
	return &record
}

// facts are the row's, or nil where there is none.
func facts(row *schema.CallRecord) *schema.CallFacts {
	if row == nil {
		return nil
	}
	return &row.CallFacts
}

// model is the merge of the events' facts, or nil where none of them creates a
// row.
func model(events story) *schema.CallFacts {
	var all schema.CallFacts
	exists := false
	for _, e := range events {
		var call schema.CallFacts
		creates := true
		switch e := e.(type) {
		case schema.CallAnswered:
			call = e.Call
		case schema.CallReceived:
			call = e.Call
		case schema.CallCompleted:
			call = e.Call
			creates = call.From == ownNumber || call.To == ownNumber
		case schema.InsightsSummary:
			call = e.Call
		}
		all, exists = all.Merge(call), exists || creates
	}
	if !exists {
		return nil
	}
	all.CallSID = ""
	return &all
}
