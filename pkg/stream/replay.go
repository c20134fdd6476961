package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/loquent/callstream/schema"
)

// Replay runs a handler over history, through a reader of its own: live
// durables do not notice. The end is fixed at the start, so that events that
// arrive meanwhile do not keep it going.
//
// Each message is done, skipped because the spec does not select it, or failed:
// nothing is acknowledged, parked or dead-lettered. What may heal (a dependency
// that is away, a wait that the handler or the other side asks for) is tried
// again in place a few times, and what is put off for others' sake for as long
// as ten minutes. Stage events that the handler publishes are withheld unless
// the spec allows [schema.SideEffectEvents].
//
// It returns nil at the end. When ctx ends or a checkpoint fails, work is
// cancelled, and the progress returned resumes the replay: what ended behind its
// cursor is done again.
func (c *Conn) Replay(ctx context.Context, config ReplayConfig) (schema.ReplayProgress, error) {
	r, err := c.newReplay(config)
	if err != nil {
		return config.Resume, err
	}
	if err := r.begin(ctx); err != nil {
		return config.Resume, err
	}
	return r.run(ctx)
}

// replay is one replay at work.
type replay struct {
	ReplayConfig
	hands
	conn    *Conn
	filters []string
	history history
	tally   *tally
	limit   *rate.Limiter
	started time.Time
	before  uint64     // messages that an earlier run has seen
	telling sync.Mutex // one call of Each at a time
}

// run works from where begin found the start to the end.
func (r *replay) run(ctx context.Context) (schema.ReplayProgress, error) {
	work, stop := context.WithCancelCause(r.withhold(ctx))
	defer stop(nil)
	abandon := sync.OnceFunc(func() { close(r.abandon) })
	context.AfterFunc(work, func() { time.AfterFunc(lastWord, abandon) })

	batches := make(chan []*job)
	var crew sync.WaitGroup
	crew.Go(func() {
		defer close(batches)
		if err := r.feed(work, batches); err != nil {
			stop(err)
		}
	})
	for range r.Durable.Workers {
		crew.Go(func() {
			for jobs := range batches {
				r.work(work, jobs)
			}
		})
	}
	over := make(chan struct{})
	go func() { crew.Wait(); close(over) }()
	r.watch(work, over, stop)

	cause := context.Cause(work)
	if cause == nil {
		r.tally.finish()
	}
	if failed := r.checkpoint(context.WithoutCancel(ctx)); failed != nil && cause == nil {
		cause = failed
	}
	r.tell()
	if cause != nil {
		return r.tally.now(), fmt.Errorf("replay %s: %w", r.Durable.Name, cause)
	}
	return r.tally.now(), nil
}

// watch tells and keeps the progress until the work is over. Checkpoints go by
// the clock, not by the cursor: who keeps them also learns that the replay
// lives while a single message takes long.
func (r *replay) watch(work context.Context, over <-chan struct{}, stop context.CancelCauseFunc) {
	progress, checkpoint := time.NewTicker(r.ProgressEvery), time.NewTicker(r.CheckpointEvery)
	defer progress.Stop()
	defer checkpoint.Stop()
	for {
		select {
		case <-over:
			return
		case <-progress.C:
			r.tell()
		case <-checkpoint.C:
			if work.Err() != nil {
				continue
			}
			if err := r.checkpoint(work); err != nil {
				stop(err)
			}
		}
	}
}

// checkpoint keeps the progress, trying again while whatever keeps it is away.
func (r *replay) checkpoint(ctx context.Context) error {
	if r.Checkpoint == nil {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := r.Checkpoint(ctx, r.tally.now())
		if err == nil {
			return nil
		}
		wait, again := r.patience(err, attempt)
		if !again || !sleep(ctx, wait) {
			return fmt.Errorf("keep the progress: %w", err)
		}
	}
}

// tell reports the progress.
func (r *replay) tell() {
	if r.Progress == nil {
		return
	}
	p := Progress{ReplayProgress: r.tally.now()}
	seen := p.Seen() - r.before
	if took := time.Since(r.started).Seconds(); took > 0 && seen > 0 {
		p.Rate = float64(seen) / took
		p.Remaining = time.Duration(float64(p.Total-p.Seen()) / p.Rate * float64(time.Second))
	}
	r.Progress(p)
}

type withheldKey struct{}

// withhold returns ctx with the order to publish nothing, unless the replay may.
func (r *replay) withhold(ctx context.Context) context.Context {
	if r.Spec.Allows(schema.SideEffectEvents) {
		return ctx
	}
	return context.WithValue(ctx, withheldKey{}, r.tally.withhold)
}

// withheld reports whether events published under ctx are to be held back, and
// counts them.
func withheld(ctx context.Context, events int) bool {
	count, ok := ctx.Value(withheldKey{}).(func(int))
	if ok {
		count(events)
	}
	return ok
}
