package streamtest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// shelf is the simplest idempotent consumer: a set.
type shelf struct {
	mu  sync.Mutex
	set map[string]bool
}

func (s *shelf) put(e schema.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set[e.MsgID()] = true
}

func (s *shelf) state() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := map[string]bool{}
	for id := range s.set {
		state[id] = true
	}
	return state
}

func events() (all []schema.Event) {
	for n := range 20 {
		all = append(all, streamtest.Answered(n))
	}
	return all
}

func TestAnIdempotentConsumerConforms(t *testing.T) {
	t.Parallel()
	durable := stream.Durable{
		Name: "shelf", Filters: []string{"call.answered.*"}, AckWait: 30 * time.Second,
		MaxAckPending: 100, MaxAttempts: 5, Workers: 4,
	}
	t.Run("one at a time", func(t *testing.T) {
		t.Parallel()
		streamtest.Conformance(t, durable, func(*testing.T) streamtest.World {
			s := &shelf{set: map[string]bool{}}
			return streamtest.World{
				Handler: stream.Handle(func(_ context.Context, e schema.CallAnswered) error { s.put(e); return nil }),
				Events:  events(), State: s.state,
			}
		})
	})
	t.Run("in batches", func(t *testing.T) {
		t.Parallel()
		batches := durable
		batches.Batch = 8
		streamtest.Conformance(t, batches, func(*testing.T) streamtest.World {
			s := &shelf{set: map[string]bool{}}
			return streamtest.World{
				Batch: func(_ context.Context, deliveries []stream.Delivery) []error {
					for _, d := range deliveries {
						s.put(d.Event)
					}
					return nil
				},
				Events: events(), State: s.state,
			}
		})
	})
}

func TestMemoryLedgerCountsAndParks(t *testing.T) {
	t.Parallel()
	var l streamtest.MemoryLedger
	ctx := t.Context()
	for want := 1; want <= 3; want++ {
		if counts, err := l.Attempt(ctx, "d", []uint64{1, 2}); err != nil || counts[1] != want || counts[2] != want {
			t.Fatalf("attempt %d: %v, %v", want, counts, err)
		}
	}
	_ = l.Excuse(ctx, "d", []uint64{1})
	_ = l.Settle(ctx, "d", []uint64{2})
	if l.Attempts("d", 1) != 2 || l.Attempts("d", 2) != 0 || l.Attempts("other", 1) != 0 {
		t.Errorf("attempts %d and %d, want 2 and none", l.Attempts("d", 1), l.Attempts("d", 2))
	}
	_ = l.Park(ctx, "d", 7, time.Now().Add(time.Hour), "")
	if due, _ := l.Due(ctx, "d", 9, time.Hour); len(due) > 0 {
		t.Errorf("due %v before its time", due)
	}
	l.Advance(2 * time.Hour)
	if due, _ := l.Due(ctx, "d", 9, time.Hour); len(due) != 1 || due[0] != 7 {
		t.Errorf("due %v, want 7", due)
	}
	if due, _ := l.Due(ctx, "d", 9, time.Hour); len(due) > 0 {
		t.Errorf("due %v while it is held", due)
	}
	_ = l.Unpark(ctx, "d", 7)
	if l.Parked("d") != 0 {
		t.Error("still parked")
	}
}
