package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// reasonExpired is a dead letter's reason for a message that waited longer than
// the stream remembers.
const reasonExpired = "expired"

// redrive works on parked messages whose time has come, half as many at once as
// the workers do on new ones, until ctx ends.
func (r *Runner) redrive(ctx, work context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, (r.Durable.Workers+1)/2)
	for {
		select { // at least one slot has to be free
		case slots <- struct{}{}:
			<-slots
		case <-ctx.Done():
			return
		}
		free := cap(slots) - len(slots) // can only grow: nobody else takes slots
		due, err := r.Parking.Due(ctx, r.Durable.Name, free, r.ackWait)
		if err != nil && ctx.Err() == nil {
			r.Logger.Debug("look for parked messages", "consumer", r.Durable.Name, "error", err)
		}
		for _, seq := range due {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				r.revive(work, seq)
			})
		}
		if len(due) < free && !sleep(ctx, r.Redrive) {
			return
		}
	}
}

// revive works on one parked message. It has no acknowledgement in the broker:
// it ends with its row.
func (r *Runner) revive(ctx context.Context, seq uint64) {
	m, err := r.calls.GetMsg(ctx, seq)
	switch {
	case err == nil:
		r.work(ctx, r.parkedJob(m))
	case errors.Is(err, jetstream.ErrMsgNotFound) && r.isGone(ctx, seq):
		j := &job{seq: seq, source: &parked{runner: r, seq: seq}, counted: true, begun: time.Now()}
		r.conclude(ctx, j, fate{action: dead, reason: reasonExpired},
			fmt.Errorf("message %d waited longer than %s keeps it", seq, schema.StreamCalls))
	default: // its hold runs out, and it comes again
		r.Logger.Debug("fetch parked message", "consumer", r.Durable.Name, "seq", seq, "error", err)
	}
}

// isGone asks the stream's leader whether it keeps the message no more. A
// direct get may have been answered by a replica that lags behind.
func (r *Runner) isGone(ctx context.Context, seq uint64) bool {
	info, err := r.calls.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return false
	}
	return seq < info.State.FirstSeq || seq > info.State.LastSeq || slices.Contains(info.State.Deleted, seq)
}
