package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// action is what becomes of a message.
type action int

const (
	done action = iota
	again
	dead
)

// The outcomes in logs and metrics.
const (
	outcomeDone    = "done"
	outcomeRetried = "retried"
	outcomeSnoozed = "snoozed"
	outcomeDead    = "dead_letter"
)

// fate is the ack table applied to one result.
type fate struct {
	action action
	after  time.Duration // for again
	free   bool          // for again: no attempt is used up
	snooze bool          // for again: by the handler's own wish
	reason string        // for dead
}

// outcome names the fate in logs and metrics.
func (f fate) outcome() string {
	switch {
	case f.action == done:
		return outcomeDone
	case f.action == dead:
		return outcomeDead
	case f.snooze:
		return outcomeSnoozed
	}
	return outcomeRetried
}

// judge applies the table to the result of one attempt at j. What a handler
// says explicitly comes first, then what the error's code says, then what the
// other side asked for.
func (d Durable) judge(j *job, err error) fate {
	if err == nil {
		return fate{action: done}
	}
	var v *Verdict
	explicit := errors.As(err, &v)
	asked, isAsked := schema.RetryAfterOf(err)
	switch {
	case explicit && v.Kind == KindTerminal:
		return fate{action: dead, reason: reason(err)}
	case explicit && v.Kind == KindSnooze:
		return fate{action: again, after: v.Wait, free: true, snooze: true}
	case !explicit && schema.CodeOf(err) == schema.Unavailable:
		return fate{action: again, after: max(asked, d.patience(j)), free: true}
	case j.attempts >= d.MaxAttempts:
		return fate{action: dead, reason: schema.ReasonExhausted}
	case explicit:
		return fate{action: again, after: v.Wait}
	case isAsked:
		return fate{action: again, after: asked}
	}
	return fate{action: again, after: d.backoff(j.attempts)}
}

// patience is the wait for a dependency that is away. It uses up no attempt,
// so the steps follow the broker's own count of deliveries; but since that
// counts snoozes too, no message waits much longer than it has been there: a
// moment's outage must not cost a call that waited for its turn the recording.
// For a parked message there is no count, and the wait is at least what the
// broker would not have kept.
func (d Durable) patience(j *job) time.Duration {
	if j.deliveries == 0 {
		return max(d.backoff(j.attempts), parkAfter)
	}
	return d.backoff(min(max(j.attempts, j.deliveries), d.step(time.Since(j.storedAt))))
}

// step is the attempt that a message of this age has come to if it has failed
// all its life.
func (d Durable) step(age time.Duration) int {
	step := 1
	for _, wait := range d.Backoff {
		if age -= wait; age < 0 {
			break
		}
		step++
	}
	return step
}

// reason is the subject token for an error that ended a message.
func reason(err error) string { return string(schema.CodeOf(err)) }

// panicError is an error made from a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

// Error returns what was panicked with.
func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }
