package stream

import (
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// The kinds of verdict that a handler can return.
const (
	KindTerminal = "terminal"
	KindRetry    = "retry"
	KindSnooze   = "snooze"
)

// Verdict is an error that says what is to become of the message; see
// [Terminal], [RetryAfter] and [Snooze], which make it.
type Verdict struct {
	Kind string
	Wait time.Duration // until the next attempt; zero for KindTerminal
	Err  error         // what went wrong, or for KindSnooze what is waited for
}

// Error returns the text of what went wrong.
func (v *Verdict) Error() string { return v.Err.Error() }

// Unwrap returns what went wrong.
func (v *Verdict) Unwrap() error { return v.Err }

// Terminal makes the message a dead letter now: no repeat will mend err. The
// reason is err's [schema.Code].
func Terminal(err error) error { return &Verdict{Kind: KindTerminal, Err: err} }

// RetryAfter has the message delivered again after d. It uses up an attempt.
func RetryAfter(err error, d time.Duration) error {
	return &Verdict{Kind: KindRetry, Wait: d, Err: err}
}

// Snooze has the message delivered again after d because the work has to wait,
// for the reason given. It is no failure and uses up no attempt.
func Snooze(d time.Duration, reason string) error {
	return &Verdict{Kind: KindSnooze, Wait: d, Err: errors.New(reason)}
}

// action is what becomes of a message.
type action int

const (
	ack action = iota
	again
	dead
)

// String returns the action as the outcome of logs and metrics.
func (a action) String() string { return [...]string{"done", "retried", "dead_letter"}[a] }

// fate is the ack table applied to one result.
type fate struct {
	action action
	after  time.Duration // for again
	free   bool          // for again: no attempt is used up
	reason string        // for dead
}

// judge applies the table. attempts counts this one.
func (d Durable) judge(err error, attempts int) fate {
	var v *Verdict
	if !errors.As(err, &v) {
		v = &Verdict{}
	}
	switch {
	case err == nil:
		return fate{action: ack}
	case v.Kind == KindTerminal:
		return fate{action: dead, reason: reason(err)}
	case v.Kind == KindSnooze:
		return fate{action: again, after: v.Wait, free: true}
	case v.Kind != KindRetry && schema.CodeOf(err) == schema.Unavailable:
		return fate{action: again, after: d.backoff(attempts), free: true}
	case attempts >= d.MaxAttempts:
		return fate{action: dead, reason: schema.ReasonExhausted}
	case v.Kind == KindRetry:
		return fate{action: again, after: v.Wait}
	}
	if asked, ok := schema.RetryAfterOf(err); ok {
		return fate{action: again, after: asked}
	}
	return fate{action: again, after: d.backoff(attempts)}
}

// reason is the subject token for an error that ended a message.
func reason(err error) string {
	if code := schema.CodeOf(err); code != "" {
		return string(code)
	}
	return string(schema.Internal)
}

// panicked is an error made from a panic of a handler.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
