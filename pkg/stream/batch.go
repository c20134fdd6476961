package stream

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/loquent/callstream/schema"
)

// workBatch brings several messages to their ends.
//
// What can have killed its process is counted, as where messages are worked on
// one at a time: what was delivered before, and the first MaxAckPending
// deliveries after the start. Those that turn out to have been tried before are suspects: each
// runs alone, so that the one that kills does not use up the attempts of the
// others with its own.
func (r *Runner) workBatch(ctx context.Context, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	together, suspects := r.sort(ctx, jobs)
	// Suspects wait for their turn; meanwhile nobody else is to get them.
	_, stop := r.heartbeat(ctx, suspects...)
	defer stop()
	r.workTogether(ctx, together)
	for _, j := range suspects {
		r.work(ctx, j)
	}
}

// sort tells what may run together from the suspects. What cannot be counted is
// put off. Suspects run in no order: those that are counted already would all
// be, over and over, if the killer always came first.
func (r *Runner) sort(ctx context.Context, jobs []*job) (together, suspects []*job) {
	var early []*job
	for _, j := range jobs {
		switch j.attempts = 1; {
		case j.deliveries > 1:
			suspects = append(suspects, j)
		case r.suspect(j):
			early = append(early, j)
		default:
			together = append(together, j)
		}
	}
	if err := r.count(ctx, early...); err != nil {
		for _, j := range early {
			r.conclude(ctx, j, fate{action: again, after: r.Durable.patience(j), free: true}, err)
		}
		early = nil
	}
	for _, j := range early {
		if j.attempts > 1 {
			suspects = append(suspects, j)
		} else {
			together = append(together, j)
		}
	}
	rand.Shuffle(len(suspects), func(a, b int) { suspects[a], suspects[b] = suspects[b], suspects[a] })
	return together, suspects
}

// workTogether brings messages to their ends that the batch handler is given in
// one call.
func (r *Runner) workTogether(ctx context.Context, jobs []*job) {
	ready := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if err := j.decode(); err != nil {
			r.conclude(ctx, j, fate{action: dead, reason: schema.ReasonUndecodable}, err)
			continue
		}
		ready = append(ready, j)
	}
	if len(ready) == 0 {
		return
	}
	running, stop := r.heartbeat(ctx, ready...)
	defer stop()
	traced, followed := r.followAll(running, ready)
	errs, whole := r.runTogether(traced, ready)
	followed(whole)
	r.concludeAll(ctx, ready, errs, whole, context.Cause(running))
}

// concludeAll brings the messages of one call to their ends. Those that failed
// without having been counted are counted now, the others settled, each kind in
// one statement.
func (r *Runner) concludeAll(ctx context.Context, jobs []*job, errs []error, whole, cause error) {
	var failed, settled []*job
	fates := make([]fate, len(jobs))
	for i, j := range jobs {
		errs[i] = errors.Join(whole, errs[i])
		fates[i] = r.verdict(ctx, j, errs[i], cause)
		switch {
		case fates[i].action == again && !fates[i].free && !j.counted:
			failed = append(failed, j)
		case fates[i].action == done && j.counted:
			settled = append(settled, j)
			j.counted = false // conclude leaves it to us
		}
	}
	if err := r.count(context.WithoutCancel(ctx), failed...); err != nil {
		r.Logger.Debug("count failed attempts", "consumer", r.Durable.Name, "error", err)
	}
	for i, j := range jobs {
		r.conclude(ctx, j, fates[i], errs[i])
	}
	r.settle(context.WithoutCancel(ctx), settled...)
}
