package stream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// A wait of more than a minute is a row: the broker is done with the message,
// which would otherwise hold one of MaxAckPending all the while.
func TestALongWaitIsARowAndTheMessageComesBack(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, d)
			deliveries := make(chan stream.Delivery, 9)
			handle := func(d stream.Delivery) error {
				deliveries <- d
				if len(deliveries) == 1 {
					return stream.RetryAfter(errors.New("not yet"), time.Hour)
				}
				return nil
			}
			if d.Batch > 0 {
				r.runBatch(func(_ context.Context, d []stream.Delivery) []error { return []error{handle(d[0])} })
			} else {
				r.run(func(ctx context.Context, _ schema.CallAnswered) error { return handle(stream.DeliveryFrom(ctx)) })
			}
			r.publish(streamtest.Answered(1))
			r.ends.Await(t, "retried")
			streamtest.Drained(t, r.conn, "one")
			if r.ledger.Parked("one") != 1 || r.ledger.Attempts("one", 1) != 1 {
				t.Fatalf("%d parked, %d attempts; want one of each", r.ledger.Parked("one"), r.ledger.Attempts("one", 1))
			}
			r.ledger.Advance(2 * time.Hour)
			r.ends.Await(t, "done")
			first, second := <-deliveries, <-deliveries
			if second.Attempt != 2 || !second.Redelivered {
				t.Errorf("second delivery %+v, want attempt 2, redelivered", second)
			}
			second.Attempt, second.Redelivered = first.Attempt, first.Redelivered
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("the parked message came back as another (-first +second):\n%s", diff)
			}
			if r.ledger.Parked("one") != 0 || r.ledger.Attempts("one", 1) != 0 {
				t.Error("row or attempts are still there")
			}
		})
	}
}

func TestAParkedMessageRunsOutOfAttemptsToo(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Backoff = []time.Duration{time.Hour}
	r := newRig(t, d)
	r.run(func(context.Context, schema.CallAnswered) error { return errors.New("broken") })
	r.publish(streamtest.Answered(1))
	for range d.MaxAttempts - 1 {
		r.ends.Await(t, "retried")
		r.ledger.Advance(2 * time.Hour)
	}
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	event, err := schema.Decode(got.Subject, got.Data)
	if err != nil || got.Reason != schema.ReasonExhausted || got.Attempts != 3 || got.Org != "org-1" {
		t.Errorf("dead letter %+v, %v", got, err)
	}
	if diff := cmp.Diff(schema.Event(streamtest.Answered(1)), event); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
	r.ends.Await(t, "dead_letter")
	if r.ledger.Parked("one") != 0 {
		t.Error("the row of a dead letter is still there")
	}
}

// Without the broker's count of deliveries nothing spaces the tries of a parked
// message whose dependency stays away; they must not become a hot loop.
func TestAParkedMessageIsNotHurriedWhileADependencyIsAway(t *testing.T) {
	t.Parallel()
	d := durable("one")
	r := newRig(t, d)
	r.run(func(ctx context.Context, _ schema.CallAnswered) error {
		if stream.DeliveryFrom(ctx).Redelivered {
			return schema.Errorf(schema.Unavailable, "away")
		}
		return stream.RetryAfter(errors.New("not yet"), time.Hour)
	})
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "retried")
	for range 2 * d.MaxAttempts {
		r.ledger.Advance(3 * time.Hour)
		end := r.ends.Await(t, "retried")
		if wait, _ := end.Attrs["again_in"].(time.Duration); wait < time.Minute {
			t.Fatalf("again in %s", wait)
		}
		if r.ledger.Attempts("one", 1) != 1 {
			t.Fatal("attempts are used up")
		}
	}
}

func TestAParkedMessageThatTheStreamForgotIsADeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.run(func(context.Context, schema.CallAnswered) error {
		return stream.RetryAfter(errors.New("not yet"), time.Hour)
	})
	r.publish(streamtest.Answered(1), streamtest.Answered(2), streamtest.Answered(3))
	for range 3 {
		r.ends.Await(t, "retried")
	}
	_, js := raw(t, r.server)
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	if err := calls.DeleteMsg(t.Context(), 2); err != nil { // in the middle, where the first sequence says nothing
		t.Fatal(err)
	}
	r.ledger.Advance(2 * time.Hour)
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	if got.Reason != "expired" || got.Sequence != 2 || got.Consumer != "one" {
		t.Errorf("dead letter %+v", got)
	}
	streamtest.Await(t, "the row to go", func(context.Context) bool { return r.ledger.Parked("one") == 2 })
}

// Parking needs the database that may be what is away; then the broker keeps
// the message after all.
func TestAMessageThatCannotBeParkedStaysWithTheBroker(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.run(func(context.Context, schema.CallAnswered) error {
		r.ledger.Break(schema.Errorf(schema.Unavailable, "the database is away"))
		return stream.RetryAfter(errors.New("not yet"), time.Hour)
	})
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "retried")
	if r.inFlight() != 1 {
		t.Error("the message is neither parked nor with the broker")
	}
}

// A process can die after the row is there and before the broker has heard. The
// message then comes by both ways, and ends with both.
func TestAMessageParkedTwiceOverEndsOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.publish(streamtest.Answered(1))
	if err := r.ledger.Park(t.Context(), "one", 1, time.Now().Add(time.Hour), ""); err != nil {
		t.Fatal(err)
	}
	r.run(func(ctx context.Context, _ schema.CallAnswered) error {
		if !stream.DeliveryFrom(ctx).Redelivered {
			return errors.New("once more")
		}
		return nil
	})
	r.ends.Await(t, "done")
	streamtest.Drained(t, r.conn, "one")
	if r.ledger.Parked("one") != 0 {
		t.Error("the row of a finished message is still there")
	}
}

func TestLongWorkOnAParkedMessageIsNotGivenToAnother(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.AckWait = 2 * time.Second
	r := newRig(t, d)
	held := &holds{MemoryLedger: r.ledger, moved: make(chan struct{}, 1000)}
	r.config.Parking = held
	var runs atomic.Int64
	handle := func(ctx context.Context, _ schema.CallAnswered) error {
		if !stream.DeliveryFrom(ctx).Redelivered {
			return stream.RetryAfter(errors.New("not yet"), time.Hour)
		}
		runs.Add(1)
		for range 4 { // longer than the hold
			<-held.moved
		}
		return nil
	}
	r.run(handle)
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "retried")
	for len(held.moved) > 0 {
		<-held.moved
	}
	r.ledger.Advance(2 * time.Hour)
	r.ends.Await(t, "done")
	if runs.Load() != 1 || r.ledger.Parked("one") != 0 {
		t.Errorf("the work ran %d times, %d rows are left", runs.Load(), r.ledger.Parked("one"))
	}
}

// holds tells when a row's time is moved.
type holds struct {
	*streamtest.MemoryLedger
	moved chan struct{}
}

func (h *holds) Park(ctx context.Context, durable string, seq uint64, until time.Time, reason string) error {
	defer func() { h.moved <- struct{}{} }()
	return h.MemoryLedger.Park(ctx, durable, seq, until, reason)
}

// A tenant whose work is put off must not keep that of others from being
// delivered: the broker delivers what it kept before what is new, and no more
// than MaxAckPending at once.
func TestSnoozersDoNotFillTheDurable(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.MaxAckPending = 8
	r := newRig(t, d)
	const sleepers = 100
	r.run(func(_ context.Context, e schema.CallAnswered) error {
		if e.AccountSID == streamtest.SID("AC", 1) {
			return stream.Snooze(50*time.Second, "its tenant has its share of the workers")
		}
		return nil
	})
	for n := range sleepers {
		r.publish(streamtest.Answered(n))
	}
	other := streamtest.Answered(sleepers)
	other.AccountSID = streamtest.SID("AC", 2)
	r.publish(other)
	if end := r.ends.Await(t, "done"); end.Seq != sleepers+1 {
		t.Errorf("ended as %+v", end)
	}
}

// Delays in the broker are what was asked for, whatever the delivery's number:
// the one asked for last comes first, every time.
func TestShortWaitsAreKeptByTheBrokerInTheirOrder(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Workers, d.MaxAttempts = 1, 100
	r := newRig(t, d)
	order := make(chan uint64, 100)
	r.run(func(ctx context.Context, _ schema.CallAnswered) error {
		delivery := stream.DeliveryFrom(ctx)
		if delivery.Attempt == 4 {
			order <- delivery.Sequence
			return nil
		}
		// Three rounds: 1 waits 4.5 s in all, 2 waits 3 s, 3 waits 1.5 s.
		return stream.RetryAfter(errors.New("not yet"), time.Duration(4-delivery.Sequence)*500*time.Millisecond)
	})
	r.publish(streamtest.Answered(1), streamtest.Answered(2), streamtest.Answered(3))
	for _, want := range []uint64{3, 2, 1} {
		if got := <-order; got != want {
			t.Errorf("message %d came before message %d", got, want)
		}
	}
	if r.ledger.Parked("one") != 0 {
		t.Error("a short wait became a row")
	}
}
