package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

// BenchmarkMergeCalls merges batches as the calls consumer does: the answers of
// 500 calls, then their ends. An operation is a batch.
func BenchmarkMergeCalls(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	const size = 500
	for i := 0; b.Loop(); i++ {
		updates := make([]schema.CallUpdate, size)
		for j := range updates {
			updates[j] = w.eventOf(i/2*size+j, i%2 == 1)
		}
		if _, err := w.MergeCalls(b.Context(), updates); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/event")
}

// eventOf is the answer of the nth call, or its end.
func (w *world) eventOf(n int, ended bool) schema.CallUpdate {
	header := schema.Header{AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, OccurredAt: noon, Origin: schema.OriginEventStream}
	facts := schema.CallFacts{
		CallSID: fmt.Sprintf("CA%032x", uint64(n)*0x9E3779B97F4A7C15), From: ours, To: theirs, Leg: schema.LegOutboundAPI,
		Status: schema.StatusInProgress, AnsweredAt: &noon,
	}
	var event schema.Event = schema.CallAnswered{Header: header, Call: facts}
	if ended {
		duration, end := 42, noon.Add(42*time.Second)
		facts.Status, facts.AnsweredAt, facts.EndedAt, facts.Duration = schema.StatusCompleted, nil, &end, &duration
		event = schema.CallCompleted{Header: header, Call: facts}
	}
	return schema.CallUpdate{
		AccountSID: postgrestest.AccountSID, OrganizationID: w.account.OrganizationID, PhoneNumber: ours, Direction: schema.Outbound,
		Facts: facts, Creates: true, Entry: schema.Entry(event, uint64(n+1), noon, ""),
	}
}
