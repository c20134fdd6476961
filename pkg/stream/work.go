package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// work brings one message to its end.
func (r *Runner) work(ctx context.Context, j *job) {
	r.follow(ctx, j)
	f, err := r.attempt(ctx, j)
	if f.action == again && !f.free && !j.counted {
		if failed := r.count(context.WithoutCancel(ctx), j); failed != nil {
			r.Logger.Debug("count a failed attempt", "consumer", r.Durable.Name, "error", failed)
		}
	}
	r.conclude(ctx, j, f, err)
}

// attempt runs the handler on one message, unless there is a reason not to. What
// can have killed its process is counted before anything else: if it does so
// again, the count is there when the message comes back.
func (r *Runner) attempt(ctx context.Context, j *job) (fate, error) {
	if err := ctx.Err(); err != nil { // the runner stops: this one goes back untouched
		return fate{action: again, free: true}, err
	}
	j.attempts = max(j.attempts, 1)
	if !j.counted && r.suspect(j) {
		if err := r.count(ctx, j); err != nil {
			return fate{action: again, after: r.Durable.patience(j), free: true}, err
		}
	}
	if err := j.decode(); err != nil {
		return fate{action: dead, reason: schema.ReasonUndecodable}, err
	}
	if j.attempts > r.Durable.MaxAttempts {
		j.attempts-- // this one is not made
		return fate{action: dead, reason: schema.ReasonExhausted},
			fmt.Errorf("%d attempts did not end; the last may have killed its process", j.attempts)
	}
	running, stop := r.heartbeat(ctx, j)
	err := r.run(running, j)
	cause := context.Cause(running)
	stop()
	return r.verdict(ctx, j, err, cause), err
}

// suspect reports whether a message can have killed a process: it was delivered
// before, or may have been by a server that died with its process and forgot.
// Counting costs two commits; what comes for the first time is counted once it
// fails.
func (r *Runner) suspect(j *job) bool {
	return j.deliveries != 1 || r.early.Load() > 0 && r.early.Add(-1) >= 0
}

// verdict is what becomes of a message after an attempt. Work that was
// cancelled from outside is no failure of the message's.
func (r *Runner) verdict(ctx context.Context, j *job, err, cause error) fate {
	switch {
	case err == nil:
	case ctx.Err() != nil: // the runner stops: somebody else goes on at once
		return fate{action: again, free: true}
	case errors.Is(cause, errUnheard):
		return fate{action: again, free: true}
	}
	return r.Durable.judge(j, err)
}

// count counts the attempt at each job in the ledger.
func (r *Runner) count(ctx context.Context, jobs ...*job) error {
	if len(jobs) == 0 {
		return nil
	}
	counts, err := r.Ledger.Attempt(ctx, r.Durable.Name, seqs(jobs))
	if err != nil {
		return fmt.Errorf("count the attempt: %w", err)
	}
	for _, j := range jobs {
		j.attempts, j.counted = counts[j.seq], true
	}
	return nil
}

// conclude makes the fate true, forgets the attempts of what is over, and
// writes the message's one line.
func (r *Runner) conclude(ctx context.Context, j *job, f fate, err error) {
	// What is decided is told also while the process stops.
	ctx = context.WithoutCancel(ctx)
	var failed error
	switch f.action {
	case done:
		failed = j.source.end(ctx, nil)
	case dead:
		failed = r.bury(ctx, j, f.reason, err)
	case again:
		if f.free && j.counted {
			r.excuse(ctx, j)
		}
		failed = j.source.later(ctx, f.after, f, err)
	}
	// Work that is done has used no attempt, even if the broker has not heard and
	// delivers it again.
	if j.counted && (f.action == done || f.action == dead && failed == nil) {
		r.settle(ctx, j)
	}
	r.report(ctx, j, f, err, failed)
}

// bury stores the dead letter before it ends the message: a crash in between
// tells it twice, under one id. If it cannot be stored, nothing is lost: the
// message stays, and comes again for the same attempt, since only that knows why
// it dies.
func (r *Runner) bury(ctx context.Context, j *job, reason string, cause error) error {
	retryOf, err := r.retried(ctx, j)
	if err == nil {
		l := j.letter(r.Durable.Name, reason, cause)
		l.RetryOf = retryOf
		err = r.Conn.DeadLetter(ctx, l)
	}
	if err != nil {
		if excuser, ok := r.Ledger.(Excuser); ok && j.counted {
			r.takeBack(ctx, excuser, j)
		}
		return errors.Join(fmt.Errorf("store dead letter: %w", err), j.source.later(ctx, r.Durable.patience(j), fate{}, cause))
	}
	r.metrics.dead.WithLabelValues(r.Durable.Name, reason).Inc()
	return j.source.end(ctx, &demise{retryOf: retryOf, text: oneLine(text(cause))})
}

// excuse takes back an attempt that was none.
func (r *Runner) excuse(ctx context.Context, j *job) {
	excuser, ok := r.Ledger.(Excuser)
	if !ok {
		r.settle(ctx, j)
		return
	}
	r.takeBack(ctx, excuser, j)
}

func (r *Runner) takeBack(ctx context.Context, excuser Excuser, j *job) {
	if err := excuser.Excuse(ctx, r.Durable.Name, []uint64{j.seq}); err != nil {
		r.Logger.Debug("excuse attempt", "consumer", r.Durable.Name, "error", err)
	}
}

// settle forgets attempts. What cannot be forgotten does no harm: the message
// is over.
func (r *Runner) settle(ctx context.Context, jobs ...*job) {
	if len(jobs) == 0 {
		return
	}
	if err := r.Ledger.Settle(ctx, r.Durable.Name, seqs(jobs)); err != nil {
		r.Logger.Debug("settle attempts", "consumer", r.Durable.Name, "error", err)
	}
}

func seqs(jobs []*job) []uint64 {
	seqs := make([]uint64, len(jobs))
	for i, j := range jobs {
		seqs[i] = j.seq
	}
	return seqs
}
