package stream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// Work that ended well has failed no attempt, even if the broker does not hear
// of it: what is only delivered again must not become a dead letter.
func TestAnUnheardAcknowledgementUsesNoAttempt(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.AckWait, d.MaxAttempts = time.Second, 1
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	ledger, ends := &streamtest.MemoryLedger{}, streamtest.NewEnds()
	var runs atomic.Int64
	streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: d, Ledger: ledger, Parking: ledger, Logger: ends.Logger(), Grace: time.Minute,
		Handler: stream.Handle(func(context.Context, schema.CallAnswered) error {
			if runs.Add(1) == 1 {
				server.Stop()
			}
			return nil
		}),
	})
	if err := conn.Publish(t.Context(), streamtest.Answered(1)); err != nil {
		t.Fatal(err)
	}
	if end := ends.Next(t); end.Outcome != "done" || end.Attrs["end_error"] == nil {
		t.Errorf("ended as %+v, want done and unheard", end)
	}
	if n := ledger.Attempts("one", 1); n != 0 {
		t.Errorf("%d attempts counted for work that is done", n)
	}
	server.Restart()
	streamtest.Drained(t, conn, "one")
	if n, err := conn.DeadLetters(t.Context()); err != nil || n != 0 {
		t.Errorf("%d dead letters, %v; want none", n, err)
	}
}

// A dead letter says why the message died, also if it could not be stored at
// the first try.
func TestADeadLetterStoredLateKeepsItsReason(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.MaxAttempts = 2
	r := newRig(t, d)
	_, js := raw(t, r.server)
	if err := js.DeleteStream(t.Context(), schema.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	r.run(func(context.Context, schema.CallAnswered) error {
		return errors.New("the disk of the other side is full")
	})
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "dead_letter")
	if _, err := r.conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	if got.Error != "the disk of the other side is full" || got.Attempts != 2 || got.Reason != schema.ReasonExhausted {
		t.Errorf("dead letter: %s after %d attempts: %s", got.Reason, got.Attempts, got.Error)
	}
	streamtest.Drained(t, r.conn, "one")
}

// Nothing is begun once Grace is over: the rest of a batch that is taken apart
// goes back as it is.
func TestNoWorkBeginsAfterGrace(t *testing.T) {
	t.Parallel()
	for name, rounds := range map[string]int64{"after a batch that failed": 0, "among suspects": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, batchDurable("one"))
			r.config.Grace = time.Millisecond
			r.config.Durable.MaxAttempts = 9
			r.publish(five()...)
			begun := make(chan struct{})
			var alone atomic.Int64
			stop := r.runBatch(func(ctx context.Context, deliveries []stream.Delivery) []error {
				if ctx.Err() != nil {
					t.Error("work was begun that was to be handed back")
				}
				if len(deliveries) > 1 {
					panic("take it apart")
				}
				if alone.Add(1) == rounds+1 {
					close(begun)
					<-ctx.Done()
				}
				return []error{errors.New("it failed")}
			})
			<-begun
			stop()
			r.config.Grace = time.Minute
			r.runBatch(func(context.Context, []stream.Delivery) []error { return nil })
			streamtest.Drained(t, r.conn, "one") // long before AckWait
			if n, err := r.conn.DeadLetters(t.Context()); err != nil || n != 0 {
				t.Errorf("%d dead letters, %v; want none", n, err)
			}
		})
	}
}

// An event too large for the broker is refused at once: no repeat mends it.
func TestAnEventTooLargeIsInvalid(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	large := streamtest.Answered(1)
	large.Call.From = string(make([]byte, 1<<20))
	if err := conn.Publish(t.Context(), large); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("publish: %v, want invalid", err)
	}
	if err := conn.Publish(t.Context(), streamtest.Answered(2), large); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("publish among others: %v, want invalid", err)
	}
	if err := conn.Publish(t.Context(), streamtest.Answered(3)); err != nil {
		t.Errorf("publish another afterwards: %v", err)
	}
}

// A durable without load must not wait for its batch to fill.
func TestASingleMessageDoesNotWaitForABatch(t *testing.T) {
	t.Parallel()
	d := batchDurable("one")
	d.Batch, d.BatchWait = 500, 0
	r := newRig(t, d)
	r.runBatch(func(context.Context, []stream.Delivery) []error { return nil })
	for n := range 20 {
		r.publish(streamtest.Answered(n))
		r.ends.Await(t, "done") // the next one comes only then
	}
}

func TestANegativeWaitIsNoBackoff(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.config.Handler = func(context.Context, schema.Event) error { return nil }
	r.config.Durable.Backoff = []time.Duration{time.Second, -time.Second}
	if _, err := stream.NewRunner(r.config); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("new runner: %v, want invalid", err)
	}
}

// A message that waited for its turn has not failed: when a dependency is away
// for a moment after that, the next attempt is as near as after the first.
func TestSnoozesDoNotLengthenTheWaitForADependency(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Backoff = []time.Duration{time.Minute, time.Hour}
	r := newRig(t, d)
	var runs atomic.Int64
	r.run(func(context.Context, schema.CallAnswered) error {
		if runs.Add(1) <= 5 {
			return stream.Snooze(time.Millisecond, "not its turn yet")
		}
		return schema.Errorf(schema.Unavailable, "away")
	})
	r.publish(streamtest.Answered(1))
	for range 5 {
		r.ends.Await(t, "snoozed")
	}
	end := r.ends.Await(t, "retried")
	if wait, ok := end.Attrs["again_in"].(time.Duration); !ok || wait > time.Minute {
		t.Errorf("tried again in %v, want a minute at most", end.Attrs["again_in"])
	}
}
