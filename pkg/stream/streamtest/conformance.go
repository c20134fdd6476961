package streamtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// World is a consumer with everything that it works on, new for each test of
// the suite.
type World struct {
	Handler stream.Handler      // or
	Batch   stream.BatchHandler // as the durable works
	Events  []schema.Event      // what it is to work on; it ends with all of them
	State   func() any          // what its work has left behind, for cmp.Diff
}

// Conformance runs the suite that every consumer has to pass: whatever happens
// to the messages on their way, the state at the end is the one that each of
// them, handled once and in order, leaves behind.
func Conformance(t *testing.T, durable stream.Durable, world func(t *testing.T) World) {
	t.Helper()
	durable.Backoff = []time.Duration{time.Millisecond}
	want := play(t, durable, world(t), nil, nil)
	scenarios := []struct {
		name    string
		prepare func(*World)
		during  func(t *testing.T, s *stage)
	}{
		{name: "duplicate", prepare: func(w *World) { w.wrap(twice) }},
		{name: "redelivery", prepare: func(w *World) { w.wrap(failsFirst()) }},
		{name: "crash before ack", prepare: func(w *World) { w.wrap(unheardFirst()) }},
		{name: "panic after the work", prepare: func(w *World) { w.wrap(panicsFirst()) }},
		{name: "reverse order", prepare: func(w *World) { slices.Reverse(w.Events) }},
		{name: "random order", prepare: func(w *World) {
			rand.Shuffle(len(w.Events), func(a, b int) { w.Events[a], w.Events[b] = w.Events[b], w.Events[a] })
		}},
		{name: "poison", during: func(t *testing.T, s *stage) { s.poison(t) }},
		{name: "drain", during: func(t *testing.T, s *stage) { s.restart(t) }},
		{name: "two runners", during: func(t *testing.T, s *stage) { s.run(t) }},
	}
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			got := play(t, durable, world(t), scenario.prepare, scenario.during)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("state differs from that of one run in order (-want +got):\n%s", diff)
			}
		})
	}
}

// stage is a world on its server.
type stage struct {
	server *Server
	conn   *stream.Conn
	ledger *MemoryLedger
	ends   *Ends
	config stream.RunnerConfig
	stop   func()
	dead   uint64 // dead letters that are meant to be
}

// play publishes the world's events, has them handled and returns the state.
func play(t *testing.T, durable stream.Durable, w World, prepare func(*World), during func(*testing.T, *stage)) any {
	t.Helper()
	if prepare != nil {
		prepare(&w)
	}
	server := Start(t)
	conn := Connect(t, stream.Config{InProcess: server.InProcess()})
	if _, err := conn.Provision(t.Context(), Settings(), []stream.Durable{durable}); err != nil {
		t.Fatalf("provision: %v", err)
	}
	s := &stage{server: server, conn: conn, ledger: &MemoryLedger{}, ends: NewEnds()}
	s.config = stream.RunnerConfig{
		Conn: conn, Durable: durable, Handler: w.Handler, Batch: w.Batch, Ledger: s.ledger, Parking: s.ledger,
		Logger: s.ends.Logger(), Grace: patience, Redrive: 10 * time.Millisecond,
	}
	s.run(t)
	for i, e := range w.Events {
		if err := conn.Publish(t.Context(), e); err != nil {
			t.Fatalf("publish %s: %v", e.MsgID(), err)
		}
		if i == len(w.Events)/2 && during != nil {
			during(t, s)
		}
	}
	s.settle(t)
	return w.State()
}

func (s *stage) run(t *testing.T) {
	t.Helper()
	s.stop = Run(t, s.config)
}

// restart stops the runner in the middle of its work and starts another.
func (s *stage) restart(t *testing.T) {
	t.Helper()
	s.stop()
	s.run(t)
}

// poison stores a message that is no event among those that are.
func (s *stage) poison(t *testing.T) {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s.server.InProcess()))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatalf("open JetStream: %v", err)
	}
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatalf("inspect stream: %v", err)
	}
	m, err := calls.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatalf("get message: %v", err)
	}
	if _, err := js.Publish(t.Context(), m.Subject, []byte("{poison")); err != nil {
		t.Fatalf("publish poison: %v", err)
	}
	s.dead++
}

// settle waits until every message has ended, parked ones included, and fails
// the test if one became a dead letter that was none before.
func (s *stage) settle(t *testing.T) {
	t.Helper()
	Await(t, "every message to end", func(ctx context.Context) bool {
		s.ledger.Advance(time.Hour)
		pending, inFlight, err := s.conn.Lag(ctx, s.config.Durable.Name)
		return err == nil && pending+inFlight == 0 && s.ledger.Parked(s.config.Durable.Name) == 0
	})
	s.stop()
	letters, err := s.conn.LatestDeadLetters(t.Context(), 100)
	if err != nil {
		t.Fatalf("dead letters: %v", err)
	}
	if uint64(len(letters)) != s.dead {
		for _, l := range letters {
			t.Logf("dead letter of %s: %s: %s", l.Subject, l.Reason, l.Error)
		}
		t.Errorf("%d dead letters, want %d", len(letters), s.dead)
	}
}

// wrapper changes how one message's work goes.
type wrapper func(seq uint64, work func() error) error

// wrap puts the wrapper around the world's handler, message by message.
func (w *World) wrap(around wrapper) {
	if handler := w.Handler; handler != nil {
		w.Handler = func(ctx context.Context, e schema.Event) error {
			return around(stream.DeliveryFrom(ctx).Sequence, func() error { return handler(ctx, e) })
		}
		return
	}
	batch := w.Batch
	w.Batch = func(ctx context.Context, deliveries []stream.Delivery) []error {
		errs := make([]error, len(deliveries))
		for i, d := range deliveries {
			errs[i] = around(d.Sequence, func() error {
				if results := batch(ctx, []stream.Delivery{d}); results != nil {
					return results[0]
				}
				return nil
			})
		}
		return errs
	}
}

// twice does everything twice.
func twice(_ uint64, work func() error) error {
	if err := work(); err != nil {
		return err
	}
	return work()
}

var errStaged = errors.New("staged failure")

// failsFirst fails each message's first attempt before the work.
func failsFirst() wrapper {
	first := firsts()
	return func(seq uint64, work func() error) error {
		if first(seq) {
			return errStaged
		}
		return work()
	}
}

// unheardFirst does each message's work and then loses the acknowledgement.
func unheardFirst() wrapper {
	first := firsts()
	return func(seq uint64, work func() error) error {
		if err := work(); err != nil || !first(seq) {
			return err
		}
		return errStaged
	}
}

// panicsFirst does each message's work and then panics.
func panicsFirst() wrapper {
	first := firsts()
	return func(seq uint64, work func() error) error {
		if err := work(); err != nil || !first(seq) {
			return err
		}
		panic("staged panic")
	}
}

// firsts returns a function that is true the first time for each message.
func firsts() func(seq uint64) bool {
	var seen sync.Map
	return func(seq uint64) bool {
		_, again := seen.LoadOrStore(seq, true)
		return !again
	}
}
