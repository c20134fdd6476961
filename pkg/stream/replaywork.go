package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// A replay reads so many messages at a time, waits for a server that is away
// for so many seconds, and for others' sake so long.
const (
	replayRead     = 256
	replayPatience = 120
	replayPatient  = 10 * time.Minute
)

// begin finds start, end and total, unless an earlier run did.
func (r *replay) begin(ctx context.Context) error {
	r.started = time.Now()
	p := r.Resume
	from := p.Cursor + 1
	if p.End == 0 {
		var err error
		if from, p.End, err = r.bounds(ctx); err != nil {
			return err
		}
		p.Cursor = from - 1
	}
	r.before = p.Seen()
	if err := r.open(ctx, from, &p); err != nil {
		return err
	}
	r.tally = newTally(p, 2*replayRead+r.Durable.Workers*r.Durable.Batch)
	return nil
}

// bounds returns the first and the last sequence of the range.
func (r *replay) bounds(ctx context.Context) (from, end uint64, err error) {
	calls, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return r.conn.js.Stream(ctx, schema.StreamCalls) })
	if err != nil {
		return 0, 0, schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
	}
	state := calls.CachedInfo().State
	from, end = max(r.Spec.FromSeq, state.FirstSeq, 1), state.LastSeq
	if !r.Spec.Since.IsZero() {
		since, err := r.conn.sequenceAt(ctx, schema.StreamCalls, r.Spec.Since)
		if err != nil {
			return 0, 0, err
		}
		from = max(from, since)
	}
	if !r.Spec.Until.IsZero() {
		until, err := r.conn.sequenceAt(ctx, schema.StreamCalls, r.Spec.Until)
		if err != nil {
			return 0, 0, err
		}
		end = min(end, until-1)
	}
	if r.Spec.ToSeq > 0 {
		end = min(end, r.Spec.ToSeq)
	}
	return from, end, nil
}

// open chooses how to read, and estimates how much there is.
func (r *replay) open(ctx context.Context, from uint64, p *schema.ReplayProgress) error {
	if r.Index != nil && (r.Spec.CallSID != "" || r.Spec.RecordingSID != "") {
		seqs, err := r.Index.EventSequences(ctx, r.Spec.CallSID, r.Spec.RecordingSID)
		if err != nil {
			return fmt.Errorf("look for the events of call %q, recording %q: %w", r.Spec.CallSID, r.Spec.RecordingSID, err)
		}
		slices.Sort(seqs)
		seqs = slices.DeleteFunc(slices.Compact(seqs), func(seq uint64) bool { return seq < from || seq > p.End })
		calls, err := r.conn.js.Stream(ctx, schema.StreamCalls)
		if err != nil {
			return schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
		}
		p.Total = p.Seen() + uint64(len(seqs))
		r.history = &picked{stream: calls, seqs: seqs}
		return nil
	}
	r.history = &scan{
		conn: r.conn, stream: schema.StreamCalls, filters: r.filters, next: from, end: p.End,
		size: replayRead, patience: replayPatience,
	}
	if from > p.End {
		return nil
	}
	left, err := r.conn.countFrom(ctx, schema.StreamCalls, r.filters, from)
	if err != nil {
		return err
	}
	behind, err := r.conn.countFrom(ctx, schema.StreamCalls, r.filters, p.End+1)
	if err != nil {
		return err
	}
	p.Total = p.Seen() + left - min(left, behind)
	return nil
}

// feed hands the messages that the spec selects to the workers.
func (r *replay) feed(ctx context.Context, out chan<- []*job) error {
	for {
		jobs, err := r.history.read(ctx)
		if err != nil || len(jobs) == 0 {
			return err
		}
		var chosen []*job
		for i, j := range jobs {
			if j.ending = r.tally.open(ctx, j.seq); j.ending == nil {
				return context.Cause(ctx)
			}
			if r.selects(j) {
				chosen = append(chosen, j)
			} else {
				r.tally.end(j.ending, endSkipped, nil)
			}
			if len(chosen) == r.Durable.Batch || i == len(jobs)-1 && len(chosen) > 0 {
				if err := r.hand(ctx, out, chosen); err != nil {
					return err
				}
				chosen = nil
			}
		}
	}
}

// hand gives messages to a worker when the rate allows it.
func (r *replay) hand(ctx context.Context, out chan<- []*job, jobs []*job) error {
	if err := r.limit.WaitN(ctx, len(jobs)); err != nil {
		return fmt.Errorf("keep to the rate: %w", err)
	}
	select {
	case out <- jobs:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// selects reports what the server's filters could not.
func (r *replay) selects(j *job) bool {
	header := func(name, want string) bool { return want == "" || j.header.Get(name) == want }
	return !j.storedAt.Before(r.Spec.Since) && (r.Spec.Until.IsZero() || j.storedAt.Before(r.Spec.Until)) &&
		header(schema.HeaderOrg, r.Spec.Organization) &&
		header(schema.HeaderCall, r.Spec.CallSID) &&
		header(schema.HeaderRecording, r.Spec.RecordingSID) &&
		slices.ContainsFunc(r.filters, func(filter string) bool { return matches(filter, j.subject) })
}

// work brings messages to their ends, or leaves them when ctx ends.
func (r *replay) work(ctx context.Context, jobs []*job) {
	ready := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		j.begun = time.Now()
		j.replay = Replaying{Active: true, Force: r.Spec.Force, SideEffects: r.Spec.Allows(r.Spec.Consumer)}
		switch err := j.decode(); {
		case err != nil:
			r.end(j, err)
		case r.Spec.DryRun:
			r.end(j, nil)
		default:
			ready = append(ready, j)
		}
	}
	for attempt := 1; len(ready) > 0; attempt++ {
		var wait time.Duration
		if ready, wait = r.try(ctx, ready, attempt); !sleep(ctx, wait) {
			return
		}
	}
}

// try runs the handler once and returns the messages that are to be tried again
// after the wait.
func (r *replay) try(ctx context.Context, jobs []*job, attempt int) (again []*job, wait time.Duration) {
	for _, j := range jobs {
		j.attempts = attempt
	}
	for i, err := range r.call(ctx, jobs) {
		switch pause, may := r.patience(err, attempt); {
		case err == nil:
			r.end(jobs[i], nil)
		case ctx.Err() != nil: // cancelled: a resumed replay does it again
		case may || putOff(err) && time.Since(jobs[i].begun) < replayPatient:
			again, wait = append(again, jobs[i]), max(wait, pause)
		default:
			r.end(jobs[i], err)
		}
	}
	return again, wait
}

// call runs whichever handler there is.
func (r *replay) call(ctx context.Context, jobs []*job) []error {
	if r.Batch == nil {
		return []error{r.hands.run(ctx, jobs[0])}
	}
	errs, whole := r.runTogether(ctx, jobs)
	for i := range errs {
		errs[i] = errors.Join(whole, errs[i])
	}
	return errs
}

// patience returns how long to wait before another try, and whether what went
// wrong may have healed by then.
func (r *replay) patience(err error, attempt int) (time.Duration, bool) {
	if len(r.Backoff) == 0 {
		return 0, false
	}
	wait := r.Backoff[min(attempt, len(r.Backoff))-1]
	var v *Verdict
	explicit := errors.As(err, &v)
	asked, isAsked := schema.RetryAfterOf(err)
	switch {
	case explicit && v.Kind == KindTerminal:
		return 0, false
	case explicit:
		wait = max(wait, v.Wait)
	case isAsked:
		wait = max(wait, asked)
	case schema.CodeOf(err) != schema.Unavailable:
		return 0, false
	}
	return min(wait, parkAfter), attempt <= len(r.Backoff)
}

// putOff reports whether the handler waits for others, which is no failure.
func putOff(err error) bool {
	var v *Verdict
	return errors.As(err, &v) && v.Kind == KindSnooze
}

// end counts a message that is over and tells of it.
func (r *replay) end(j *job, err error) {
	how := endDone
	if err != nil {
		how = endFailed
		r.Logger.Debug("replayed message failed", "consumer", r.Durable.Name, "seq", j.seq, "subject", j.subject, "error", err)
	}
	if r.Each != nil {
		r.telling.Lock()
		r.Each(Replayed{Delivery: j.delivery(), Subject: j.subject, Err: err})
		r.telling.Unlock()
	}
	r.tally.end(j.ending, how, err)
}
