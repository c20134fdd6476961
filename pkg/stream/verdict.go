package stream

import (
	"errors"
	"time"
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
