package schema

import (
	"errors"
	"fmt"
	"time"
)

// Code classes an error by what its receiver can do about it. Each layer maps
// it once: HTTP to a status, the stream's runner to ack, redelivery or dead
// letter.
type Code string

// The codes, and who can act on each.
const (
	Invalid      Code = "invalid"      // the input is wrong; the same input fails again
	Unauthorized Code = "unauthorized" // credentials are missing or wrong
	Forbidden    Code = "forbidden"    // the credentials do not permit this
	NotFound     Code = "not_found"    // the thing does not exist
	Conflict     Code = "conflict"     // another actor got there first
	Refused      Code = "refused"      // the other side understood and said no for good
	RateLimited  Code = "rate_limited" // too many requests; wait, then repeat
	Unavailable  Code = "unavailable"  // a dependency does not answer; it heals without us
	Corrupt      Code = "corrupt"      // bytes are not what they claim to be
	Internal     Code = "internal"     // anything else
)

// Error is an error with its [Code] and, where the other side asked for one,
// the wait before a repeat.
type Error struct {
	Code       Code
	RetryAfter time.Duration // zero: the other side did not say
	Err        error
}

// Error returns the text of the wrapped error; the code is for machines.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Errorf formats an error as fmt.Errorf does, %w included, and gives it a code.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// CodeOf returns the code of the outermost [Error] in err's chain, Internal
// for any other error and the empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return Internal
}

// The outcomes at Twilio that callers tell apart by errors.Is, whatever Twilio
// says of them; each comes wrapped in an [Error].
var (
	ErrCallEnded        = errors.New("the call is over")                       // Refused: nothing is left to record (Twilio's 21220)
	ErrSinkNotFound     = errors.New("the event sink does not exist")          // NotFound (91001)
	ErrSinkInUse        = errors.New("the event sink has a subscription")      // Conflict: it can take no second one and not be deleted (91007)
	ErrUnknownEventType = errors.New("the event type cannot be subscribed to") // Refused (91104)
)

// RetryAfterOf returns the wait that the other side asked for, if it did.
func RetryAfterOf(err error) (time.Duration, bool) {
	var coded *Error
	if errors.As(err, &coded) && coded.RetryAfter > 0 {
		return coded.RetryAfter, true
	}
	return 0, false
}
