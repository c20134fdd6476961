package stream

import (
	"context"
	"errors"
	"time"
)

// errUnheard cancels work whose heartbeats do not get through: the broker is
// about to give the message to somebody else.
var errUnheard = errors.New("two heartbeats in a row were not heard")

// heartbeat says that the jobs are in work, every third of AckWait, until the
// returned function is called. After two beats in a row that could not be sent
// the work's context is cancelled, with [errUnheard] as the cause.
func (r *Runner) heartbeat(ctx context.Context, jobs ...*job) (work context.Context, stop func()) {
	if len(jobs) == 0 {
		return ctx, func() {}
	}
	work, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		ticker := time.NewTicker(r.ackWait / 3)
		defer ticker.Stop()
		for missed := 0; missed < 2; {
			select {
			case <-stopped:
				return
			case <-ticker.C:
			}
			if missed++; r.beat(ctx, jobs) == nil {
				missed = 0
			}
		}
		cancel(errUnheard)
	}()
	return work, func() {
		close(stopped)
		<-over // a beat that came after the end would hold back a row that is settled
		cancel(nil)
	}
}

// beat sends one heartbeat for each job and makes sure that they left.
func (r *Runner) beat(ctx context.Context, jobs []*job) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.ackWait/6)
	defer cancel()
	for _, j := range jobs {
		if err := j.source.beat(ctx); err != nil {
			return err
		}
	}
	return r.Conn.nc.FlushWithContext(ctx)
}
