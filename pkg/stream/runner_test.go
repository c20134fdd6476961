package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// rig is a server with one durable and what a runner of it needs.
type rig struct {
	t      *testing.T
	server *streamtest.Server
	conn   *stream.Conn
	ledger *streamtest.MemoryLedger
	ends   *streamtest.Ends
	config stream.RunnerConfig
}

func newRig(t *testing.T, d stream.Durable) *rig {
	t.Helper()
	server, conn := provisioned(t, streamtest.Settings(), d)
	r := &rig{t: t, server: server, conn: conn, ledger: &streamtest.MemoryLedger{}, ends: streamtest.NewEnds()}
	r.config = stream.RunnerConfig{
		Conn: conn, Durable: d, Ledger: r.ledger, Parking: r.ledger,
		Logger: r.ends.Logger(), Grace: time.Minute, Redrive: 10 * time.Millisecond,
	}
	return r
}

func (r *rig) publish(events ...schema.Event) {
	r.t.Helper()
	if err := r.conn.Publish(r.t.Context(), events...); err != nil {
		r.t.Fatal(err)
	}
}

// run runs a handler of answered calls.
func (r *rig) run(handle func(context.Context, schema.CallAnswered) error) (stop func()) {
	r.t.Helper()
	r.config.Handler = stream.Handle(handle)
	return streamtest.Run(r.t, r.config)
}

func (r *rig) runBatch(handle stream.BatchHandler) (stop func()) {
	r.t.Helper()
	r.config.Batch = handle
	return streamtest.Run(r.t, r.config)
}

// inFlight returns the messages that the broker waits for.
func (r *rig) inFlight() uint64 {
	r.t.Helper()
	_, inFlight, err := r.conn.Lag(r.t.Context(), r.config.Durable.Name)
	if err != nil {
		r.t.Fatal(err)
	}
	return inFlight
}

func TestAHandlerGetsTypedEventsWithTheirDelivery(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	if err := r.conn.Publish(t.Context(), streamtest.Answered(7)); err != nil {
		t.Fatal(err)
	}
	got := make(chan stream.Delivery, 1)
	r.run(func(ctx context.Context, e schema.CallAnswered) error {
		if diff := cmp.Diff(streamtest.Answered(7), e); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		got <- stream.DeliveryFrom(ctx)
		return nil
	})
	d := <-got
	if d.Sequence != 1 || d.Attempt != 1 || d.Redelivered || d.StoredAt.IsZero() || d.Event == nil {
		t.Errorf("delivery %+v", d)
	}
	end := r.ends.Next(t)
	want := map[string]any{
		"consumer": "one", "subject": "call.answered." + streamtest.SID("AC", 1), "seq": uint64(1),
		"msg_id": "call.answered:" + streamtest.SID("CA", 7), "call_sid": streamtest.SID("CA", 7), "recording_sid": "",
		"org": "org-1", "deliveries": int64(1), "outcome": "done", "took": end.Attrs["took"],
	}
	if diff := cmp.Diff(want, end.Attrs); diff != "" || end.Level != slog.LevelDebug {
		t.Errorf("line at %s (-want +got):\n%s", end.Level, diff)
	}
	streamtest.Drained(t, r.conn, "one")
	if r.ledger.Attempts("one", 1) != 0 {
		t.Error("the attempts of a finished message are still counted")
	}
}

// The ack table: what a handler returns, what becomes of the message, and
// whether an attempt is used up.
func TestTheAckTable(t *testing.T) {
	t.Parallel()
	failure := errors.New("it failed")
	cases := []struct {
		name    string
		first   error // what the first attempt returns; later ones return nil
		outcome string
		level   slog.Level
		wait    time.Duration
		attempt int // at the second delivery; 0: there is none
	}{
		{"fine", nil, "done", slog.LevelDebug, 0, 0},
		{"terminal", stream.Terminal(failure), "dead_letter", slog.LevelError, 0, 0},
		{"retry after", stream.RetryAfter(failure, 3*time.Millisecond), "retried", slog.LevelWarn, 3 * time.Millisecond, 2},
		{"retry after, unavailable", stream.RetryAfter(schema.Errorf(schema.Unavailable, "away"), 3*time.Millisecond), "retried", slog.LevelWarn, 3 * time.Millisecond, 2},
		{"snooze", stream.Snooze(2*time.Millisecond, "busy"), "snoozed", slog.LevelDebug, 2 * time.Millisecond, 1},
		{"asked to wait", &schema.Error{Code: schema.RateLimited, RetryAfter: 4 * time.Millisecond, Err: failure}, "retried", slog.LevelWarn, 4 * time.Millisecond, 2},
		{"unavailable", schema.Errorf(schema.Unavailable, "away"), "retried", slog.LevelWarn, 0, 1},
		{"unavailable, asked to wait", &schema.Error{Code: schema.Unavailable, RetryAfter: 6 * time.Millisecond, Err: failure}, "retried", slog.LevelWarn, 6 * time.Millisecond, 1},
		{"any other", failure, "retried", slog.LevelWarn, 0, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, durable("one"))
			deliveries := make(chan stream.Delivery, 9)
			r.run(func(ctx context.Context, _ schema.CallAnswered) error {
				deliveries <- stream.DeliveryFrom(ctx)
				if len(deliveries) == 1 {
					return c.first
				}
				return nil
			})
			r.publish(streamtest.Answered(1))
			end := r.ends.Next(t)
			if end.Outcome != c.outcome || end.Level != c.level {
				t.Errorf("outcome %s at %s, want %s at %s", end.Outcome, end.Level, c.outcome, c.level)
			}
			if wait, _ := end.Attrs["again_in"].(time.Duration); c.wait > 0 && wait != c.wait {
				t.Errorf("again in %s, want %s", wait, c.wait)
			}
			if c.attempt > 0 {
				r.ends.Await(t, "done")
				<-deliveries
				if d := <-deliveries; d.Attempt != c.attempt || !d.Redelivered {
					t.Errorf("second delivery %+v, want attempt %d, redelivered", d, c.attempt)
				}
			}
			streamtest.Drained(t, r.conn, "one")
			if r.ledger.Attempts("one", 1) != 0 {
				t.Error("attempts are still counted")
			}
		})
	}
}

func TestATerminalErrorIsADeadLetterWithEverything(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.run(func(context.Context, schema.CallAnswered) error {
		return stream.Terminal(schema.Errorf(schema.Refused, "no such account"))
	})
	r.publish(streamtest.Answered(5))
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	event, err := schema.Decode(got.Subject, got.Data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(schema.Event(streamtest.Answered(5)), event); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
	if got.Header["ce-id"][0] != event.MsgID() {
		t.Errorf("headers are %v, want the original's too", got.Header)
	}
	if got.FailedAt.IsZero() || got.Published.IsZero() || !strings.HasPrefix(got.MsgID, "dlq/one/1/") {
		t.Errorf("times and id: %+v", got)
	}
	got.Header, got.Data, got.FailedAt, got.Published, got.MsgID = nil, nil, time.Time{}, time.Time{}, ""
	want := schema.DeadLetter{
		ID: 1, Consumer: "one", Reason: "refused", Error: "no such account", Attempts: 1, Sequence: 1,
		Subject: "call.answered." + streamtest.SID("AC", 1), Account: streamtest.SID("AC", 1), Org: "org-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letter (-want +got):\n%s", diff)
	}
	streamtest.Drained(t, r.conn, "one")
}

func TestAttemptsRunOutAndTheLastErrorIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	var attempts atomic.Int64
	r.run(func(ctx context.Context, _ schema.CallAnswered) error {
		if n := attempts.Add(1); stream.DeliveryFrom(ctx).Attempt != int(n) {
			t.Errorf("attempt %d is told as %d", n, stream.DeliveryFrom(ctx).Attempt)
		}
		return errors.New("still broken")
	})
	r.publish(streamtest.Answered(1))
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	if got.Reason != schema.ReasonExhausted || got.Attempts != 3 || got.Error != "still broken" || attempts.Load() != 3 {
		t.Errorf("after %d attempts: %+v", attempts.Load(), got)
	}
	streamtest.Drained(t, r.conn, "one")
}

// A message that kills its process never returns an error. Its attempts are
// counted before the work, and the delivery after the last is dead-lettered
// without the work.
func TestAMessageThatKillsItsProcessIsDeadLetteredUnexecuted(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.publish(streamtest.Answered(1))
	for range r.config.Durable.MaxAttempts { // begun, and never ended
		if _, err := r.ledger.Attempt(t.Context(), "one", []uint64{1}); err != nil {
			t.Fatal(err)
		}
	}
	r.run(func(context.Context, schema.CallAnswered) error {
		t.Error("the work ran once more")
		return nil
	})
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	if got.Reason != schema.ReasonExhausted || got.Attempts != 3 || !strings.Contains(got.Error, "did not end") {
		t.Errorf("dead letter %+v", got)
	}
	streamtest.Drained(t, r.conn, "one")
	if r.ledger.Attempts("one", 1) != 0 {
		t.Error("the attempts of a dead letter are still counted")
	}
}

// A crash between the dead letter and the message's end tells the death twice.
func TestADeathToldTwiceIsOneDeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	stop := r.run(func(context.Context, schema.CallAnswered) error { return stream.Terminal(errors.New("broken")) })
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "dead_letter")
	stop()
	// The same message again, as after a termination that was never heard.
	recreate(t, r)
	stop = r.run(func(context.Context, schema.CallAnswered) error { return errors.New("another error this time") })
	for range 3 {
		r.ends.Next(t)
	}
	stop()
	if n, err := r.conn.DeadLetters(t.Context()); err != nil || n != 1 {
		t.Errorf("%d dead letters, %v; want 1", n, err)
	}
}

// recreate makes the broker forget everything that the durable acknowledged.
func recreate(t *testing.T, r *rig) {
	t.Helper()
	_, js := raw(t, r.server)
	if err := js.DeleteConsumer(t.Context(), schema.StreamCalls, r.config.Durable.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := r.conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{r.config.Durable}); err != nil {
		t.Fatal(err)
	}
}

func TestADeadLetterThatCannotBeStoredKeepsTheMessage(t *testing.T) {
	t.Parallel()
	d := durable("one")
	r := newRig(t, d)
	_, js := raw(t, r.server)
	if err := js.DeleteStream(t.Context(), schema.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	r.run(func(context.Context, schema.CallAnswered) error { return stream.Terminal(errors.New("broken")) })
	r.publish(streamtest.Answered(1))
	end := r.ends.Next(t)
	if text, _ := end.Attrs["end_error"].(string); !strings.Contains(text, "store dead letter") {
		t.Errorf("line %+v, want the dead letter's error", end)
	}
	if r.inFlight() != 1 {
		t.Error("the message is gone without a dead letter")
	}
	if _, err := r.conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	streamtest.DeadLetters(t, r.conn, 1)
	streamtest.Drained(t, r.conn, "one")
}

func TestUndecodableBytesAreADeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.run(func(context.Context, schema.CallAnswered) error {
		t.Error("the handler was given something undecodable")
		return nil
	})
	_, js := raw(t, r.server)
	if _, err := js.Publish(t.Context(), "call.answered."+streamtest.SID("AC", 1), []byte("{not json")); err != nil {
		t.Fatal(err)
	}
	got := streamtest.DeadLetters(t, r.conn, 1)[0]
	if got.Reason != schema.ReasonUndecodable || string(got.Data) != "{not json" {
		t.Errorf("dead letter %+v", got)
	}
	streamtest.Drained(t, r.conn, "one")
}

func TestAnEventOfAnotherTypeIsADeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.config.Handler = stream.Handle(func(context.Context, schema.CallCompleted) error { return nil })
	streamtest.Run(t, r.config)
	r.publish(streamtest.Answered(1))
	if got := streamtest.DeadLetters(t, r.conn, 1)[0]; got.Reason != string(schema.Invalid) {
		t.Errorf("dead letter %+v", got)
	}
}

func TestAPanicIsAFailureOfOneMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.run(func(_ context.Context, e schema.CallAnswered) error {
		if e.Call.CallSID == streamtest.SID("CA", 1) {
			panic("a bug")
		}
		return nil
	})
	r.publish(streamtest.Answered(1))
	end := r.ends.Next(t)
	if stack, _ := end.Attrs["stack"].(string); !strings.Contains(stack, "runner_test.go") || end.Level != slog.LevelError {
		t.Errorf("line %+v, want an error with the stack", end)
	}
	if got := streamtest.DeadLetters(t, r.conn, 1)[0]; got.Reason != schema.ReasonExhausted || got.Error != "panic: a bug" || got.Attempts != 3 {
		t.Errorf("dead letter %+v", got)
	}
	r.publish(streamtest.Answered(2))
	r.ends.Await(t, "done")
}

// While the ledger is away attempts cannot be counted, and uncounted work is
// not done: it might be the work that kills.
func TestWithoutALedgerNoWorkIsDoneAndNoAttemptUsed(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, d)
			r.ledger.Break(schema.Errorf(schema.Unavailable, "the database is away"))
			var worked atomic.Int64
			attempts := make(chan int, 1)
			if d.Batch > 0 {
				r.runBatch(func(_ context.Context, deliveries []stream.Delivery) []error {
					worked.Add(1)
					attempts <- deliveries[0].Attempt
					return nil
				})
			} else {
				r.run(func(ctx context.Context, _ schema.CallAnswered) error {
					worked.Add(1)
					attempts <- stream.DeliveryFrom(ctx).Attempt
					return nil
				})
			}
			r.publish(streamtest.Answered(1))
			for range 2 * d.MaxAttempts {
				r.ends.Await(t, "retried")
			}
			if worked.Load() != 0 {
				t.Error("uncounted work was done")
			}
			r.ledger.Break(nil)
			if got := <-attempts; got != 1 {
				t.Errorf("attempt %d, want 1", got)
			}
			r.ends.Await(t, "done")
		})
	}
}

// settleOnly hides that the ledger can excuse.
type settleOnly struct{ stream.Ledger }

func TestALedgerThatCannotExcuseForgetsInstead(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	r.config.Ledger = settleOnly{r.ledger}
	var deliveries atomic.Int64
	r.run(func(ctx context.Context, _ schema.CallAnswered) error {
		if stream.DeliveryFrom(ctx).Attempt != 1 {
			t.Errorf("attempt %d, want 1", stream.DeliveryFrom(ctx).Attempt)
		}
		if deliveries.Add(1) < 10 { // more than MaxAttempts
			return schema.Errorf(schema.Unavailable, "away")
		}
		return nil
	})
	r.publish(streamtest.Answered(1))
	r.ends.Await(t, "done")
	if n, err := r.conn.DeadLetters(t.Context()); err != nil || n != 0 {
		t.Errorf("%d dead letters, %v; want none", n, err)
	}
}

func TestRunnersShareMetricsOfAProcess(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	registry := prometheus.NewRegistry()
	r.config.Registerer = registry
	handler := func(_ context.Context, e schema.CallAnswered) error {
		if e.Call.CallSID == streamtest.SID("CA", 1) {
			return stream.Terminal(schema.Errorf(schema.Corrupt, "broken"))
		}
		return nil
	}
	r.run(handler)
	r.run(handler)
	r.publish(streamtest.Answered(1), streamtest.Answered(2), streamtest.Answered(3))
	for range 3 {
		r.ends.Next(t)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			if m.Gauge != nil {
				continue // what the runners look at, which is no count of theirs
			}
			name := family.GetName()
			for _, label := range m.Label {
				name += " " + label.GetValue()
			}
			got[name] = m.Counter.GetValue() + float64(m.Histogram.GetSampleCount())
		}
	}
	want := map[string]float64{
		"callstream_messages_total one done":        2,
		"callstream_messages_total one dead_letter": 1,
		"callstream_dead_letters_total one corrupt": 1,
		"callstream_message_seconds one":            3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestARunnerSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	handler := stream.Handle(func(context.Context, schema.CallAnswered) error { return nil })
	batch := func(context.Context, []stream.Delivery) []error { return nil }
	for name, change := range map[string]func(*stream.RunnerConfig){
		"no handler":                func(*stream.RunnerConfig) {},
		"two handlers":              func(c *stream.RunnerConfig) { c.Handler, c.Batch = handler, batch },
		"a batch handler without":   func(c *stream.RunnerConfig) { c.Batch = batch },
		"a handler for a batch":     func(c *stream.RunnerConfig) { c.Handler = handler; c.Durable.Batch = 5 },
		"no ledger":                 func(c *stream.RunnerConfig) { c.Handler = handler; c.Ledger = nil },
		"no parking":                func(c *stream.RunnerConfig) { c.Handler = handler; c.Parking = nil },
		"no connection":             func(c *stream.RunnerConfig) { c.Handler = handler; c.Conn = nil },
		"a durable without ackwait": func(c *stream.RunnerConfig) { c.Handler = handler; c.Durable.AckWait = 0 },
	} {
		config := r.config
		change(&config)
		if _, err := stream.NewRunner(config); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}
