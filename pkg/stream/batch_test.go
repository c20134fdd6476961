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

// poison is the call that the batches of these tests cannot take.
const poison = 3

func isPoison(d stream.Delivery) bool {
	return d.Event.MsgID() == streamtest.Answered(poison).MsgID()
}

// five are events of which the third is poison.
func five() []schema.Event {
	events := make([]schema.Event, 5)
	for i := range events {
		events[i] = streamtest.Answered(i + 1)
	}
	return events
}

func TestABatchFillsUnderLoad(t *testing.T) {
	t.Parallel()
	r := newRig(t, batchDurable("one"))
	const messages = 200
	for n := range messages / 50 {
		events := make([]schema.Event, 50)
		for i := range events {
			events[i] = streamtest.Answered(50*n + i)
		}
		r.publish(events...)
	}
	var batches atomic.Int64
	r.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
		batches.Add(1)
		for _, d := range deliveries {
			if d.Attempt != 1 || d.Redelivered || d.Sequence == 0 || d.StoredAt.IsZero() {
				t.Errorf("delivery %+v", d)
			}
		}
		return nil
	})
	for range messages {
		r.ends.Await(t, "done")
	}
	streamtest.Drained(t, r.conn, "one")
	if batches.Load() > messages/4 {
		t.Errorf("%d batches for %d messages that were all there", batches.Load(), messages)
	}
}

// However a batch handler fails, the poison alone becomes a dead letter and
// everything else is done.
func TestOnePoisonDoesNotHoldTheBatch(t *testing.T) {
	t.Parallel()
	broken := errors.New("cannot take it")
	each := func(deliveries []stream.Delivery, bad error) []error {
		errs := make([]error, len(deliveries))
		for i, d := range deliveries {
			if isPoison(d) {
				errs[i] = bad
			}
		}
		return errs
	}
	has := func(deliveries []stream.Delivery) bool {
		for _, d := range deliveries {
			if isPoison(d) {
				return true
			}
		}
		return false
	}
	cases := map[string]struct {
		handle   stream.BatchHandler
		reason   string
		attempts int
	}{
		"one result is an error": {func(_ context.Context, d []stream.Delivery) []error { return each(d, broken) }, "exhausted", 3},
		"one result is terminal": {func(_ context.Context, d []stream.Delivery) []error {
			return each(d, stream.Terminal(schema.Errorf(schema.Corrupt, "broken")))
		}, "corrupt", 1},
		"all results are errors": {func(_ context.Context, d []stream.Delivery) []error {
			errs := make([]error, len(d))
			for i := range errs {
				if has(d) {
					errs[i] = broken
				}
			}
			return errs
		}, "exhausted", 3},
		"it panics": {func(_ context.Context, d []stream.Delivery) []error {
			if has(d) {
				panic("a bug")
			}
			return nil
		}, "exhausted", 3},
		"it returns too few results": {func(_ context.Context, d []stream.Delivery) []error {
			if has(d) {
				return make([]error, len(d)-1)
			}
			return nil
		}, "exhausted", 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, batchDurable("one"))
			r.publish(five()...)
			r.runBatch(c.handle)
			done := map[uint64]bool{}
			for len(done) < 4 {
				done[r.ends.Await(t, "done").Seq] = true
			}
			got := streamtest.DeadLetters(t, r.conn, 1)[0]
			if got.Sequence != poison || got.Reason != c.reason || got.Attempts != c.attempts {
				t.Errorf("dead letter of %d: %s after %d attempts, want %d: %s after %d", got.Sequence, got.Reason, got.Attempts, poison, c.reason, c.attempts)
			}
			streamtest.Drained(t, r.conn, "one")
			for seq := range uint64(6) {
				if n := r.ledger.Attempts("one", seq); n > 0 {
					t.Errorf("message %d ended with %d attempts counted", seq, n)
				}
			}
		})
	}
}

// After the first deliveries a batch counts nothing in advance. What fails then
// is counted all the same, and the attempts run out as they should.
func TestAttemptsRunOutAlsoWhereNothingIsCountedInAdvance(t *testing.T) {
	t.Parallel()
	d := batchDurable("one")
	d.MaxAckPending = 2 // of which as many are counted
	r := newRig(t, d)
	var attempts []int
	r.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
		errs := make([]error, len(deliveries))
		for i, d := range deliveries {
			if d.Event.MsgID() == streamtest.Answered(99).MsgID() {
				attempts = append(attempts, d.Attempt)
				errs[i] = errors.New("cannot take it")
			}
		}
		return errs
	})
	for n := range 5 {
		r.publish(streamtest.Answered(n))
		r.ends.Await(t, "done")
	}
	r.publish(streamtest.Answered(99))
	if got := streamtest.DeadLetters(t, r.conn, 1)[0]; got.Sequence != 6 || got.Reason != schema.ReasonExhausted || got.Attempts != 3 {
		t.Errorf("dead letter %+v", got)
	}
	r.ends.Await(t, "dead_letter")
	if diff := cmp.Diff([]int{1, 2, 3}, attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
}

func TestUndecodableBytesInABatchHoldNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, batchDurable("one"))
	_, js := raw(t, r.server)
	if _, err := js.Publish(t.Context(), "call.answered."+streamtest.SID("AC", 1), []byte("[]")); err != nil {
		t.Fatal(err)
	}
	r.publish(five()...)
	r.runBatch(func(context.Context, []stream.Delivery) []error { return nil })
	if got := streamtest.DeadLetters(t, r.conn, 1)[0]; got.Sequence != 1 || got.Reason != schema.ReasonUndecodable {
		t.Errorf("dead letter %+v", got)
	}
	streamtest.Drained(t, r.conn, "one")
}

// With the database away, trying each of hundreds of messages alone would wait
// for it hundreds of times.
func TestABatchIsNotTakenApartWhenADependencyIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, batchDurable("one"))
	r.publish(five()...)
	sizes := make(chan int, 100)
	r.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
		sizes <- len(deliveries)
		if len(sizes) > 1 {
			return nil
		}
		errs := make([]error, len(deliveries))
		for i := range errs {
			errs[i] = schema.Errorf(schema.Unavailable, "away")
		}
		return errs
	})
	first := <-sizes
	for range first {
		if end := r.ends.Next(t); end.Outcome != "retried" {
			t.Errorf("ended as %+v before the batch did", end)
		}
	}
	streamtest.Drained(t, r.conn, "one")
}

// mortal is a ledger that a process can use until it dies.
type mortal struct {
	*streamtest.MemoryLedger
	dead atomic.Bool
}

func (m *mortal) Excuse(ctx context.Context, durable string, seqs []uint64) error {
	if m.dead.Load() {
		return errors.New("dead")
	}
	return m.MemoryLedger.Excuse(ctx, durable, seqs)
}

func (m *mortal) Settle(ctx context.Context, durable string, seqs []uint64) error {
	if m.dead.Load() {
		return errors.New("dead")
	}
	return m.MemoryLedger.Settle(ctx, durable, seqs)
}

// life plays a process that the poison kills: its handler never returns, and
// neither broker nor ledger hears of it again. It returns false once there is a
// dead letter.
func life(t *testing.T, r *rig, never <-chan struct{}) (killed bool) {
	t.Helper()
	conn := streamtest.Connect(t, stream.Config{InProcess: r.server.InProcess()})
	ledger := &mortal{MemoryLedger: r.ledger}
	death := make(chan struct{}, 1)
	config := r.config
	config.Conn, config.Ledger, config.Grace = conn, ledger, 0
	config.Batch = func(_ context.Context, deliveries []stream.Delivery) []error {
		for _, d := range deliveries {
			if isPoison(d) {
				death <- struct{}{}
				<-never
			}
		}
		return nil
	}
	runner, err := stream.NewRunner(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	go func() { _ = runner.Run(ctx) }()
	streamtest.Await(t, "a death or a dead letter", func(ctx context.Context) bool {
		letters, err := r.conn.DeadLetters(ctx)
		killed = len(death) > 0
		return killed || err == nil && letters > 0
	})
	ledger.dead.Store(true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_ = conn.Close(gone) // at once
	return killed
}

// A message that kills its process takes the others of its batch with it. Those
// that may be guilty run alone then, so that the innocent do not use up their
// attempts on the killer's account; whether the broker remembers that it had
// delivered them, or died with the process and forgot.
func TestTheInnocentSurviveAKillerInTheirBatch(t *testing.T) {
	t.Parallel()
	for name, forgets := range map[string]bool{"the broker counts deliveries": false, "the broker forgets them": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := batchDurable("one")
			d.AckWait, d.MaxAttempts = 300*time.Millisecond, 4
			if forgets {
				d.MaxAttempts = 25 // the innocent survive by chance, and by such odds
			}
			r := newRig(t, d)
			r.publish(five()...)
			never := make(chan struct{})
			defer close(never)
			for lives := 0; life(t, r, never); lives++ {
				if lives > d.MaxAttempts {
					t.Fatal("the killer never became a dead letter")
				}
				if forgets {
					recreate(t, r)
				}
			}
			r.runBatch(func(context.Context, []stream.Delivery) []error { return nil })
			streamtest.Drained(t, r.conn, "one")
			letters, err := r.conn.LatestDeadLetters(t.Context(), 9)
			if err != nil || len(letters) != 1 || letters[0].Sequence != poison || letters[0].Attempts != d.MaxAttempts {
				t.Errorf("dead letters %+v, %v; want the killer's alone", letters, err)
			}
		})
	}
}
