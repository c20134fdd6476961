package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/schema"
)

// RunnerConfig is what a Runner works with.
type RunnerConfig struct {
	Conn       *Conn
	Durable    Durable
	Handler    Handler      // for a durable that works one at a time
	Batch      BatchHandler // for one that works in batches
	Ledger     Ledger
	Parking    Parking
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the metrics are not exposed
	Tracer     trace.Tracer          // nil: no spans; see [TraceOf]
	Grace      time.Duration         // how long a stopping runner works on; 0: it cancels its work at once
	Redrive    time.Duration         // between looks at the parking; 0: 5 s
	Sample     time.Duration         // between looks at how far behind the durable is, for the metrics; 0: 15 s
}

// Runner pulls a durable's messages, has them handled and applies the
// package's table. Any number of runners, in any processes, share a durable.
type Runner struct {
	RunnerConfig
	hands
	metrics  *runnerMetrics
	gauges   *gauges
	calls    jetstream.Stream // for messages that come back from the parking
	ackWait  time.Duration    // the server's, not only the declared one
	early    atomic.Int64     // deliveries left that are counted in the ledger before the work
	sleeping atomic.Int64     // messages that this runner asked the broker to keep for a while
}

const (
	pullWait  = 30 * time.Second     // one pull waits so long for a message
	pullBeat  = 5 * time.Second      // and hears from the server so often
	batchWait = 5 * time.Millisecond // a batch waits so long for its second message, by default
	pauseTime = time.Second          // after a pull that failed
	lastWord  = time.Second          // cancelled work has so long to return
)

// NewRunner returns a Runner. The durable has to exist before it runs; see
// [Conn.Provision]. The error is [schema.Invalid].
func NewRunner(c RunnerConfig) (*Runner, error) {
	switch {
	case c.Conn == nil, c.Ledger == nil, c.Parking == nil:
		return nil, schema.Errorf(schema.Invalid, "a runner needs a Conn, a Ledger and a Parking")
	case (c.Handler == nil) == (c.Batch == nil):
		return nil, schema.Errorf(schema.Invalid, "a runner needs either a Handler or a Batch")
	case (c.Batch != nil) != (c.Durable.Batch > 0):
		return nil, schema.Errorf(schema.Invalid, "durable %s: a Batch has to go with a batch handler", c.Durable.Name)
	}
	if err := c.Durable.validate(); err != nil {
		return nil, err
	}
	c.Durable.Workers = max(c.Durable.Workers, 1)
	if c.Durable.BatchWait == 0 {
		c.Durable.BatchWait = batchWait
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Redrive == 0 {
		c.Redrive = 5 * time.Second
	}
	if c.Sample == 0 {
		c.Sample = sampleEvery
	}
	return &Runner{
		RunnerConfig: c,
		hands:        hands{handler: c.Handler, batch: c.Batch, abandon: make(chan struct{})},
		metrics:      newRunnerMetrics(c.Registerer),
		gauges:       newGauges(c.Registerer),
	}, nil
}

// Run works until ctx ends: then it stops pulling, finishes what is in flight
// within Grace, cancels the rest and hands it back, so that another process
// gets it at once. It returns nil after such a stop, and an error when the
// durable does not exist or vanishes. Call it once.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.bind(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it began
		}
		return err
	}
	pull, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work, release := r.outlive(pull)
	defer release()
	var workers sync.WaitGroup
	for range r.Durable.Workers {
		workers.Go(func() {
			if err := r.serve(pull, work); err != nil {
				stop(err)
			}
		})
	}
	workers.Go(func() { r.redrive(pull, work) })
	if r.Registerer != nil {
		workers.Go(func() { r.watch(pull) })
	}
	workers.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(pull)
}

// bind looks the durable up. Runners never create one: two versions of a
// program would change it to and fro.
func (r *Runner) bind(ctx context.Context) (err error) {
	consumer, err := r.Conn.js.Consumer(ctx, schema.StreamCalls, r.Durable.Name)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return schema.Errorf(schema.NotFound, "durable %s does not exist (see callstream streams apply)", r.Durable.Name)
	case err != nil:
		return schema.Errorf(schema.Unavailable, "bind durable %s: %w", r.Durable.Name, err)
	}
	if r.calls, err = r.Conn.js.Stream(ctx, schema.StreamCalls); err != nil {
		return schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
	}
	r.ackWait = consumer.CachedInfo().Config.AckWait
	r.early.Store(int64(r.Durable.MaxAckPending))
	return nil
}

// outlive returns a context that ends Grace after ctx. A moment later, work
// that does not heed it is abandoned.
func (r *Runner) outlive(ctx context.Context) (work context.Context, release func()) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-over:
			return
		}
		select {
		case <-time.After(r.Grace):
		case <-over:
			return
		}
		cancel()
		select {
		case <-time.After(lastWord):
			close(r.abandon)
		case <-over:
		}
	}()
	return work, func() { close(over); cancel() }
}

// serve is one worker: it pulls and handles until ctx ends. The error means
// that the durable is gone.
func (r *Runner) serve(ctx, work context.Context) error {
	p := newPuller(r.Conn, schema.StreamCalls, r.Durable.Name, max(r.Durable.Batch, 1))
	defer func() { r.handBack(p.close(work)) }()
	for ctx.Err() == nil {
		msgs, err := r.receive(ctx, p)
		if err != nil {
			r.handBack(p.close(work))
		}
		if ctx.Err() != nil {
			r.handBack(msgs)
			return nil
		}
		r.handle(work, msgs)
		if err := r.endure(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// receive waits for messages: one, or the first and what follows it within
// BatchWait. With nothing to do it costs a request in half a minute; under load
// batches fill.
func (r *Runner) receive(ctx context.Context, p *puller) ([]*nats.Msg, error) {
	msgs, err := p.pull(ctx, 1, pullWait, pullBeat)
	if err != nil || len(msgs) == 0 || r.Durable.Batch <= 1 {
		return msgs, err
	}
	more, err := p.pull(ctx, r.Durable.Batch-1, r.Durable.BatchWait, 0)
	return append(msgs, more...), err
}

// handle has the messages handled.
func (r *Runner) handle(work context.Context, msgs []*nats.Msg) {
	jobs := make([]*job, 0, len(msgs))
	for _, m := range msgs {
		j, err := r.newJob(m)
		if err != nil {
			r.Logger.Warn("a message without metadata", "consumer", r.Durable.Name, "error", err)
			continue
		}
		jobs = append(jobs, j)
	}
	if r.Batch != nil {
		r.workBatch(work, jobs)
		return
	}
	for _, j := range jobs {
		r.work(work, j)
	}
}

// endure makes the most of a pull's error: it waits where waiting may help, and
// returns an error when the durable is gone.
func (r *Runner) endure(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, errReconnect):
		return nil
	case errors.Is(err, errGone):
		return schema.Errorf(schema.NotFound, "durable %s: %w", r.Durable.Name, err)
	case errors.Is(err, errNobody):
		// Either it is deleted, or its leader is being elected.
		_, err := r.Conn.js.Consumer(ctx, schema.StreamCalls, r.Durable.Name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			return schema.Errorf(schema.NotFound, "durable %s: %w", r.Durable.Name, errGone)
		}
	case r.Conn.nc.IsClosed():
		return fmt.Errorf("durable %s: %w", r.Durable.Name, nats.ErrConnectionClosed)
	}
	r.Logger.Debug("pull", "consumer", r.Durable.Name, "error", err)
	sleep(ctx, pauseTime)
	return nil
}

// handBack gives messages back that nobody began to work on.
func (r *Runner) handBack(msgs []*nats.Msg) {
	for _, m := range msgs {
		if err := m.Nak(); err != nil {
			r.Logger.Debug("hand back", "consumer", r.Durable.Name, "error", err)
		}
	}
}
