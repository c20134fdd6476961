package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/loquent/callstream/schema"
)

// workBatch brings several messages to their ends.
//
// Counting each in the ledger would double the cost of the cheap durables that
// work so. What can have killed its process is counted, and that is: what was
// delivered before, and the first MaxAckPending deliveries after the start,
// since a server that died with its process may have forgotten that it
// delivered. Those that turn out to have been tried before are suspects: each
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
		case r.early.Load() > 0 && r.early.Add(-1) >= 0:
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

// workTogether hands the messages to the batch handler in one call. If the call
// as a whole fails, one of them may have spoilt it for all, and each is tried
// on its own.
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
	errs, whole := r.runBatch(running, ready)
	if len(ready) > 1 && spoilt(errs, whole) && running.Err() == nil {
		for i, j := range ready {
			errs[i] = r.run(running, j)
		}
		whole = nil
	}
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

// runBatch calls the batch handler. The second error is that of the call as a
// whole: a panic, or a number of results that is not that of the messages.
func (r *Runner) runBatch(ctx context.Context, jobs []*job) (errs []error, whole error) {
	deliveries := make([]Delivery, len(jobs))
	for i, j := range jobs {
		deliveries[i] = j.delivery()
	}
	var results []error // the handler's, which may outlive the call
	whole = r.guard(func() error {
		got := r.Batch(ctx, deliveries)
		if got != nil && len(got) != len(deliveries) {
			return fmt.Errorf("%d results for %d messages", len(got), len(deliveries))
		}
		results = got
		return nil
	})
	if whole != nil || results == nil {
		return make([]error, len(jobs)), whole
	}
	return slices.Clone(results), nil
}

// spoilt reports whether a call failed in a way that one message may be to
// blame for. Where every message has its own verdict, or a dependency is away,
// trying each alone would only take time.
func spoilt(errs []error, whole error) bool {
	if whole != nil {
		return true
	}
	plain := false
	for _, err := range errs {
		var v *Verdict
		switch {
		case err == nil:
			return false
		case !errors.As(err, &v) && schema.CodeOf(err) != schema.Unavailable:
			plain = true
		}
	}
	return plain
}
