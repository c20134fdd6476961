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
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Grace      time.Duration // how long a stopping runner works on; 0: 20 s
	Redrive    time.Duration // between looks at the parking; 0: 5 s
}

// Runner pulls a durable's messages, has them handled and applies the
// package's table. Any number of runners, in any processes, share a durable.
type Runner struct {
	RunnerConfig
	metrics  *runnerMetrics
	unproven atomic.Int64 // deliveries left that a batch runner counts in the ledger
}

const (
	pullWait  = 20 * time.Second // one pull waits so long for a message
	pullBeat  = 5 * time.Second  // and hears from the server so often
	pauseTime = time.Second      // after a pull that failed
	holdTime  = 15 * time.Minute // a parked message in work is held back from others
)

// NewRunner returns a Runner. The durable has to exist; see [Conn.Provision].
func NewRunner(c RunnerConfig) (*Runner, error) {
	if (c.Handler == nil) == (c.Batch == nil) {
		return nil, errors.New("a runner needs either a Handler or a Batch")
	}
	if (c.Batch != nil) != (c.Durable.Batch > 0) {
		return nil, fmt.Errorf("durable %s: Batch has to go with a batch handler", c.Durable.Name)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Grace == 0 {
		c.Grace = 20 * time.Second
	}
	if c.Redrive == 0 {
		c.Redrive = 5 * time.Second
	}
	r := &Runner{RunnerConfig: c, metrics: newRunnerMetrics(c.Registerer)}
	r.unproven.Store(int64(c.Durable.MaxAckPending))
	return r, nil
}

// Run works until ctx ends: then it stops pulling, finishes what is in flight
// within Grace, and hands back what is left at once. It returns nil after such
// a stop, and an error when the durable is gone.
func (r *Runner) Run(ctx context.Context) error {
	consumer, err := r.Conn.js.Consumer(ctx, schema.StreamCalls, r.Durable.Name)
	if err != nil {
		return fmt.Errorf("bind durable %s: %w", r.Durable.Name, err)
	}
	// Work outlives ctx by Grace.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stopGrace := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(r.Grace, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stopGrace()

	pull, stopPull := context.WithCancel(ctx)
	defer stopPull()
	var (
		wg    sync.WaitGroup
		fatal = make(chan error, r.Durable.Workers+1)
	)
	for range max(r.Durable.Workers, 1) {
		wg.Go(func() {
			if err := r.pull(pull, work, consumer); err != nil {
				fatal <- err
				stopPull()
			}
		})
	}
	wg.Go(func() { r.redrive(pull, work) })
	wg.Wait()
	close(fatal)
	return <-fatal
}

// pull fetches and handles until ctx ends. The error means that the durable is
// gone.
func (r *Runner) pull(ctx, work context.Context, consumer jetstream.Consumer) error {
	for ctx.Err() == nil {
		jobs, err := r.fetch(ctx, consumer)
		switch {
		case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound):
			return fmt.Errorf("durable %s is gone: %w", r.Durable.Name, err)
		case err != nil && ctx.Err() == nil:
			r.Logger.Debug("pull", "consumer", r.Durable.Name, "error", err)
			pause(ctx, pauseTime)
		}
		if len(jobs) == 0 {
			continue
		}
		if r.Batch != nil {
			r.workBatch(work, jobs)
		} else {
			r.work(work, jobs[0])
		}
	}
	return nil
}

// fetch waits for messages: one, or the first and what follows it within
// BatchWait. A worker asks for no more than it handles at once, so that nothing
// is delivered to it that it does not work on.
func (r *Runner) fetch(ctx context.Context, consumer jetstream.Consumer) ([]*job, error) {
	jobs, err := r.fetchOnce(ctx, consumer, 1, pullWait)
	if err != nil || len(jobs) == 0 || r.Batch == nil || r.Durable.Batch == 1 {
		return jobs, err
	}
	more, err := consumer.FetchNoWait(r.Durable.Batch - 1)
	if err != nil {
		return jobs, nil //nolint:nilerr // the first is there; the next pull meets the error again
	}
	for m := range more.Messages() {
		if j, err := jobOf(m); err == nil {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

func (r *Runner) fetchOnce(ctx context.Context, consumer jetstream.Consumer, n int, wait time.Duration) (jobs []*job, err error) {
	pull, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	batch, err := consumer.Fetch(n, jetstream.FetchContext(pull), jetstream.FetchHeartbeat(pullBeat))
	if err != nil {
		return nil, err
	}
	for m := range batch.Messages() {
		j, err := jobOf(m)
		if err != nil {
			return jobs, err
		}
		jobs = append(jobs, j)
	}
	err = batch.Error()
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, nats.ErrTimeout) {
		err = nil
	}
	return jobs, err
}

// work handles one message. The attempt is counted first: if the work kills
// the process, the count is there when it comes back.
func (r *Runner) work(ctx context.Context, j *job) {
	if err := r.count(ctx, j); err != nil {
		r.finish(ctx, j, fate{action: again, after: r.Durable.backoff(j.deliveries), free: true}, err)
		return
	}
	if v, err := r.decode(j); v != nil {
		r.finish(ctx, j, *v, err)
		return
	}
	running, stop := heartbeat(ctx, r.Durable.AckWait/3, r.Conn.nc.FlushWithContext, j)
	err := safely(func() error { return r.handle(running, j) })
	stop()
	if ctx.Err() != nil && err != nil { // grace is over: somebody else goes on at once
		r.finish(ctx, j, fate{action: again, free: true}, err)
		return
	}
	r.finish(ctx, j, r.Durable.judge(err, j.attempts), err)
}

// handle gives one job to whichever handler there is.
func (r *Runner) handle(ctx context.Context, j *job) error {
	if r.Handler != nil {
		return r.Handler(WithDelivery(ctx, j.delivery()), j.event)
	}
	errs, whole := safeBatch(ctx, r.Batch, []Delivery{j.delivery()})
	return errors.Join(whole, errs[0])
}

// count counts the attempt in the ledger.
func (r *Runner) count(ctx context.Context, jobs ...*job) error {
	if len(jobs) == 0 {
		return nil
	}
	seqs := make([]uint64, len(jobs))
	for i, j := range jobs {
		seqs[i] = j.seq
	}
	counts, err := r.Ledger.Attempt(ctx, r.Durable.Name, seqs)
	if err != nil {
		return fmt.Errorf("count the attempt: %w", err)
	}
	for _, j := range jobs {
		j.attempts = counts[j.seq]
	}
	return nil
}

// decode reads the event; a verdict means that there is no work to do on it.
func (r *Runner) decode(j *job) (*fate, error) {
	event, err := schema.Decode(j.subject, j.data)
	if err != nil {
		return &fate{action: dead, reason: schema.ReasonUndecodable}, err
	}
	j.event = event
	if j.attempts > r.Durable.MaxAttempts {
		return &fate{action: dead, reason: schema.ReasonExhausted},
			fmt.Errorf("%d attempts did not end; the last may have killed its process", j.attempts-1)
	}
	return nil, nil //nolint:nilnil // nothing to say: work on it
}

// workBatch handles several messages at once. Counting each in the ledger
// would double the cost of the cheap durables that work so; so the ledger
// counts those that were delivered before, and the first MaxAckPending after
// the start, among which is whatever killed the process before: an embedded
// server dies with its process and may have forgotten that it delivered.
func (r *Runner) workBatch(ctx context.Context, jobs []*job) {
	var counted, ready []*job
	for _, j := range jobs {
		j.attempts = 1
		if j.deliveries > 1 || r.unproven.Add(-1) >= 0 {
			counted = append(counted, j)
		}
	}
	if err := r.count(ctx, counted...); err != nil {
		for _, j := range jobs {
			r.finish(ctx, j, fate{action: again, after: r.Durable.backoff(j.deliveries), free: true}, err)
		}
		return
	}
	for _, j := range jobs {
		if v, err := r.decode(j); v != nil {
			r.finish(ctx, j, *v, err)
			continue
		}
		ready = append(ready, j)
	}
	if len(ready) == 0 {
		return
	}
	running, stop := heartbeat(ctx, r.Durable.AckWait/3, r.Conn.nc.FlushWithContext, ready...)
	defer stop()
	deliveries := make([]Delivery, len(ready))
	for i, j := range ready {
		deliveries[i] = j.delivery()
	}
	errs, whole := safeBatch(running, r.Batch, deliveries)
	if len(ready) > 1 && (whole != nil || allFailed(errs)) && ctx.Err() == nil {
		// One message may have spoilt it for all: each on its own.
		for i, j := range ready {
			errs[i] = safely(func() error { return r.handle(running, j) })
		}
		whole = nil
	}
	var settled []uint64
	for i, j := range ready {
		err := errors.Join(whole, errs[i])
		v := r.Durable.judge(err, j.attempts)
		if v.action == ack {
			settled = append(settled, j.seq)
		}
		r.close(ctx, j, v, err)
	}
	if len(counted) > 0 {
		r.settle(ctx, settled...)
	}
}

func allFailed(errs []error) bool {
	for _, err := range errs {
		if err == nil {
			return false
		}
	}
	return true
}

// finish makes the verdict true and forgets the attempts of what is over.
func (r *Runner) finish(ctx context.Context, j *job, v fate, err error) {
	r.close(ctx, j, v, err)
	if v.action != again || v.free {
		r.settle(ctx, j.seq)
	}
}

func (r *Runner) settle(ctx context.Context, seqs ...uint64) {
	if len(seqs) == 0 {
		return
	}
	if err := r.Ledger.Settle(context.WithoutCancel(ctx), r.Durable.Name, seqs); err != nil {
		r.Logger.Debug("settle attempts", "consumer", r.Durable.Name, "error", err)
	}
}

// close makes the verdict true at the broker and in the parking, and says so
// in one line.
func (r *Runner) close(ctx context.Context, j *job, v fate, err error) {
	// What is decided is told also while the process stops.
	ctx = context.WithoutCancel(ctx)
	var failed error
	switch v.action {
	case ack:
		failed = r.acknowledge(ctx, j)
	case dead:
		failed = r.bury(ctx, j, v.reason, err)
	case again:
		failed = r.later(ctx, j, v.after, err)
	}
	r.report(ctx, j, v, err, failed)
}

// acknowledge ends the message. A durable that works one at a time waits until
// the broker has heard: its work is dear.
func (r *Runner) acknowledge(ctx context.Context, j *job) error {
	switch {
	case j.msg == nil:
		return r.Parking.Unpark(ctx, r.Durable.Name, j.seq)
	case r.Batch != nil:
		return j.msg.Ack()
	}
	ctx, cancel := context.WithTimeout(ctx, publishTry)
	defer cancel()
	return j.msg.DoubleAck(ctx)
}

// bury stores the dead letter before it ends the message: a crash in between
// tells it twice, under one id.
func (r *Runner) bury(ctx context.Context, j *job, reason string, err error) error {
	if err := r.Conn.DeadLetter(ctx, j.letter(r.Durable.Name, reason, err)); err != nil {
		// Nothing is lost: the message stays, and comes again.
		return errors.Join(fmt.Errorf("store dead letter: %w", err), r.later(ctx, j, r.Durable.backoff(1), err))
	}
	r.metrics.dead.WithLabelValues(r.Durable.Name, reason).Inc()
	if j.msg == nil {
		return r.Parking.Unpark(ctx, r.Durable.Name, j.seq)
	}
	return j.msg.TermWithReason(reason)
}

// later has the message come again: by the broker within a minute, otherwise
// by a row. The row is there before the message is acknowledged.
func (r *Runner) later(ctx context.Context, j *job, after time.Duration, cause error) error {
	if j.msg != nil && after <= parkAfter {
		if after <= 0 {
			return j.msg.Nak()
		}
		return j.msg.NakWithDelay(after)
	}
	reason := ""
	if cause != nil {
		reason = oneLine(cause.Error())
	}
	if err := r.Parking.Park(ctx, r.Durable.Name, j.seq, time.Now().Add(after), reason); err != nil {
		if j.msg != nil {
			return errors.Join(err, j.msg.NakWithDelay(parkAfter))
		}
		return err // the hold runs out, and it comes again
	}
	if j.msg == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishTry)
	defer cancel()
	return j.msg.DoubleAck(ctx)
}

// redrive works on parked messages whose time has come.
func (r *Runner) redrive(ctx, work context.Context) {
	for ctx.Err() == nil {
		due, err := r.Parking.Due(ctx, r.Durable.Name, max(r.Durable.Workers, 1), holdTime)
		if err != nil && ctx.Err() == nil {
			r.Logger.Debug("look for parked messages", "consumer", r.Durable.Name, "error", err)
		}
		var wg sync.WaitGroup
		for _, seq := range due {
			wg.Go(func() { r.revive(work, seq) })
		}
		wg.Wait()
		if len(due) == 0 {
			pause(ctx, r.Redrive)
		}
	}
}

// revive works on one parked message. One that CALLS keeps no more becomes a
// dead letter: it has waited longer than the stream remembers.
func (r *Runner) revive(ctx context.Context, seq uint64) {
	m, ok, err := r.Conn.stored(ctx, seq)
	switch {
	case err != nil:
		r.Logger.Debug("fetch parked message", "consumer", r.Durable.Name, "error", err)
	case !ok:
		j := &job{seq: seq, begun: time.Now()}
		r.finish(ctx, j, fate{action: dead, reason: "expired"}, fmt.Errorf("message %d is no longer in %s", seq, schema.StreamCalls))
	default:
		r.work(ctx, parkedJob(m))
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func isNotFound(err error) bool { return errors.Is(err, jetstream.ErrMsgNotFound) }
