package stream_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

func TestStoppingFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	begun, proceed := make(chan struct{}), make(chan struct{})
	r.config.Handler = func(ctx context.Context, _ schema.Event) error {
		close(begun)
		<-proceed
		return ctx.Err()
	}
	runner, err := stream.NewRunner(r.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	r.publish(streamtest.Answered(1))
	<-begun
	stop()
	close(proceed)
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if end := r.ends.Next(t); end.Outcome != "done" || end.Seq != 1 {
		t.Errorf("the work in flight ended as %+v", end)
	}
}

// After Grace the work is cancelled and handed back, for another process to
// get at once: AckWait is half a minute and the test does not take that long.
func TestStoppingHandsBackWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	for name, heeds := range map[string]bool{"heeds its context": true, "does not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, durable("one"))
			r.config.Grace = time.Millisecond
			begun, never := make(chan struct{}), make(chan struct{})
			defer close(never)
			stop := r.run(func(ctx context.Context, _ schema.CallAnswered) error {
				close(begun)
				if heeds {
					<-ctx.Done()
					return ctx.Err()
				}
				<-never
				return nil
			})
			r.publish(streamtest.Answered(1))
			<-begun
			stop()
			if end := r.ends.Next(t); end.Outcome != "retried" {
				t.Errorf("the work in flight ended as %+v", end)
			}
			again := make(chan stream.Delivery, 1)
			r.run(func(ctx context.Context, _ schema.CallAnswered) error {
				again <- stream.DeliveryFrom(ctx)
				return nil
			})
			if d := <-again; d.Attempt != 1 || !d.Redelivered {
				t.Errorf("delivery %+v, want the first attempt again", d)
			}
		})
	}
}

// A stop in the middle of a flood loses nothing on its way: whatever was
// delivered and not begun is given back, and the next runner gets it long
// before AckWait.
func TestStoppingUnderLoadLosesNoTime(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.AckWait, d.MaxAckPending = 10*time.Minute, 1000
			r := newRig(t, d)
			const stops, load = 6, 50
			var mu sync.Mutex
			seen := map[string]bool{}
			enough := make(chan struct{}, stops*load)
			note := func(e schema.Event) {
				mu.Lock()
				defer mu.Unlock()
				seen[e.MsgID()] = true
				enough <- struct{}{}
			}
			run := func() func() {
				if d.Batch > 0 {
					return r.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
						for _, d := range deliveries {
							note(d.Event)
						}
						return nil
					})
				}
				return r.run(func(_ context.Context, e schema.CallAnswered) error { note(e); return nil })
			}
			for n := range stops { // while more is on its way
				for len(enough) > 0 {
					<-enough
				}
				events := make([]schema.Event, load)
				for i := range events {
					events[i] = streamtest.Answered(n*load + i)
				}
				r.publish(events...)
				stop := run()
				<-enough
				stop()
			}
			run()
			streamtest.Drained(t, r.conn, "one")
			if len(seen) != stops*load {
				t.Errorf("%d of %d messages were handled", len(seen), stops*load)
			}
		})
	}
}

// beats counts the heartbeats that reach the broker.
func beats(t *testing.T, r *rig) <-chan struct{} {
	t.Helper()
	nc, _ := raw(t, r.server)
	heard := make(chan struct{}, 1000)
	_, err := nc.Subscribe("$JS.ACK.>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			heard <- struct{}{}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return heard
}

func TestLongWorkIsNotGivenToAnother(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.AckWait, d.Workers = 2*time.Second, 3 // the others would take it
			r := newRig(t, d)
			heard := beats(t, r)
			var runs atomic.Int64
			work := func() {
				runs.Add(1)
				for range 5 { // longer than AckWait
					<-heard
				}
			}
			if d.Batch > 0 {
				r.runBatch(func(context.Context, []stream.Delivery) []error { work(); return nil })
			} else {
				r.run(func(context.Context, schema.CallAnswered) error { work(); return nil })
			}
			r.publish(streamtest.Answered(1))
			r.ends.Await(t, "done")
			streamtest.Drained(t, r.conn, "one")
			if runs.Load() != 1 {
				t.Errorf("the work ran %d times", runs.Load())
			}
		})
	}
}

// Work whose heartbeats are not heard is stopped before the broker gives it to
// somebody else, and that is no failure of the message's.
func TestWorkIsCancelledWhenItsHeartbeatsAreNotHeard(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.AckWait = 500 * time.Millisecond
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	ledger, ends := &streamtest.MemoryLedger{}, streamtest.NewEnds()
	var runs atomic.Int64
	streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: d, Ledger: ledger, Parking: ledger, Logger: ends.Logger(),
		Handler: stream.Handle(func(ctx context.Context, _ schema.CallAnswered) error {
			if runs.Add(1) > 1 {
				return nil
			}
			server.Stop()
			<-ctx.Done()
			return context.Cause(ctx)
		}),
	})
	if err := conn.Publish(t.Context(), streamtest.Answered(1)); err != nil {
		t.Fatal(err)
	}
	end := ends.Next(t)
	if end.Outcome != "retried" || ledger.Attempts("one", 1) != 0 {
		t.Errorf("ended as %+v with %d attempts used", end, ledger.Attempts("one", 1))
	}
	server.Restart()
	ends.Await(t, "done")
}

func TestARunnerGoesOnWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	d := durable("one")
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	ledger, ends := &streamtest.MemoryLedger{}, streamtest.NewEnds()
	streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: d, Ledger: ledger, Parking: ledger, Logger: ends.Logger(),
		Handler: stream.Handle(func(context.Context, schema.CallAnswered) error { return nil }),
	})
	for n := range 3 {
		streamtest.Await(t, "a publish", func(ctx context.Context) bool { return conn.Publish(ctx, streamtest.Answered(n)) == nil })
		ends.Await(t, "done")
		server.Stop()
		server.Restart()
	}
}

func TestARunnerEndsWhenItsDurableVanishes(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.config.Handler = stream.Handle(func(context.Context, schema.CallAnswered) error { return nil })
	runner, err := stream.NewRunner(r.config)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(t.Context()) }()
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "done")
	_, js := raw(t, r.server)
	if err := js.DeleteConsumer(t.Context(), schema.StreamCalls, "one"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; schema.CodeOf(err) != schema.NotFound {
		t.Errorf("run: %v, want not found", err)
	}
	if runner, err = stream.NewRunner(r.config); err != nil {
		t.Fatal(err)
	}
	if err := runner.Run(t.Context()); schema.CodeOf(err) != schema.NotFound {
		t.Errorf("run without a durable: %v, want not found", err)
	}
}

func TestTwoRunnersShareADurable(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Workers = 1
	r := newRig(t, d)
	const messages = 40
	var busy sync.WaitGroup
	busy.Add(2) // both have to be at work at once for the test to end
	var first [2]sync.Once
	var runs sync.Map
	for i := range 2 {
		r.run(func(_ context.Context, e schema.CallAnswered) error {
			if _, twice := runs.LoadOrStore(e.MsgID(), true); twice {
				return errors.New("handled twice")
			}
			first[i].Do(func() { busy.Done(); busy.Wait() })
			return nil
		})
	}
	for n := range messages {
		r.publish(streamtest.Answered(n))
	}
	for range messages {
		if end := r.ends.Next(t); end.Outcome != "done" {
			t.Errorf("ended as %+v", end)
		}
	}
	streamtest.Drained(t, r.conn, "one")
}
