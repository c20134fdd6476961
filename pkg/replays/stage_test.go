package replays_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

var _ replays.Store = (*postgres.DB)(nil)

// one is the durable whose history is replayed.
var one = stream.Durable{Name: "one", Filters: []string{schema.KindCallAnswered + ".*"}, AckWait: time.Minute, MaxAckPending: 100, MaxAttempts: 3, Workers: 1}

// stage is a stream with history, and a database that keeps replays of it.
type stage struct {
	*testing.T
	url  string
	db   *postgres.DB
	conn *stream.Conn
	last int // sequence of the last event

	mu   sync.Mutex
	seen map[uint64]int // how often a sequence was handled
}

func newStage(t *testing.T, events int) *stage {
	t.Helper()
	s := &stage{T: t, url: embeddedtest.Postgres(t), conn: streamtest.New(t, one), last: events, seen: map[uint64]int{}}
	s.db = postgrestest.Open(t, s.url)
	var history []schema.Event
	for n := range events {
		history = append(history, streamtest.Answered(n+1))
	}
	if err := s.conn.Publish(t.Context(), history...); err != nil {
		t.Fatal(err)
	}
	return s
}

// queue puts a replay of everything in the queue.
func (s *stage) queue() schema.Replay {
	s.Helper()
	r, err := s.db.QueueReplay(s.Context(), schema.ReplaySpec{Consumer: one.Name})
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// work is a process's replaying with the handler, which is told the sequence;
// it counts what was handled.
func (s *stage) work(handle func(ctx context.Context, seq uint64) error) replays.Work {
	return func(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
		return s.conn.Replay(ctx, stream.ReplayConfig{
			Spec: r.Spec, Durable: one, Resume: r.Progress, Checkpoint: checkpoint, CheckpointEvery: time.Millisecond,
			Handler: func(ctx context.Context, _ schema.Event) error {
				seq := stream.DeliveryFrom(ctx).Sequence
				if err := handle(ctx, seq); err != nil {
					return err
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.seen[seq]++
				return nil
			},
		})
	}
}

// handled returns how often each event was handled, from the first to the last.
func (s *stage) handled() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := make([]int, s.last)
	for seq, n := range s.seen {
		counts[seq-1] = n
	}
	return counts
}

// process is a process with a runner in it.
type process struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// start runs the runner as a process that ends with the test.
func (s *stage) start(r replays.Runner) *process {
	r.Consumer, r.Every = one.Name, time.Millisecond
	if r.Store == nil {
		r.Store = s.db
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context()))
	p := &process{cancel, make(chan struct{})}
	go func() {
		defer close(p.ended)
		if err := r.Run(ctx); err != nil {
			s.Errorf("runner: %v", err)
		}
	}()
	s.Cleanup(p.end)
	return p
}

// end stops the process in order.
func (p *process) end() { p.stop(); <-p.ended }

// await waits until the replay is in the state, and returns it.
func (s *stage) await(id string, state schema.ReplayState) (r schema.Replay) {
	s.Helper()
	streamtest.Await(s.T, "the replay to be "+string(state), func(ctx context.Context) bool {
		var err error
		r, err = s.db.Replay(ctx, id)
		return err == nil && r.State == state
	})
	return r
}

// pass lets every event through.
func pass(context.Context, uint64) error { return nil }
