package stream

import (
	"context"
	"time"
)

// Ledger counts attempts outside the broker, whose count includes deliveries
// that were no attempt, and which may forget its own count when it dies within
// 100 ms of a delivery. Errors mean that the attempt is not counted; the work
// is then not done.
type Ledger interface {
	// Attempt counts one more attempt at each message and returns the totals,
	// this attempt included.
	Attempt(ctx context.Context, durable string, seqs []uint64) (map[uint64]int, error)
	// Settle forgets messages that need no count any more.
	Settle(ctx context.Context, durable string, seqs []uint64) error
}

// Excuser is a [Ledger] that can take back the latest attempt at each message,
// for an attempt that was none: the work was put off, or what it depends on was
// away. For a Ledger that is none, the runner settles the message instead, so
// that its earlier attempts are forgotten too.
type Excuser interface {
	Excuse(ctx context.Context, durable string, seqs []uint64) error
}

// Parking keeps messages whose next attempt is more than a minute away. An
// error of Park leaves the message with the broker.
type Parking interface {
	// Park keeps the message until the given time; parked again it waits until
	// the new time.
	Park(ctx context.Context, durable string, seq uint64, until time.Time, reason string) error
	// Due returns messages whose time has come and holds them back from other
	// callers for the given time, or until they are parked again.
	Due(ctx context.Context, durable string, limit int, hold time.Duration) ([]uint64, error)
	// Unpark forgets the message; one that is not there is no error.
	Unpark(ctx context.Context, durable string, seq uint64) error
}

// Retries is a [Parking] that knows which messages operators try again after
// they had become dead letters; see [Letters]. For a Parking that is none, such
// messages are like any other that is parked.
type Retries interface {
	// Retried returns the dead letter as which the message is being tried again,
	// by its sequence in DEADLETTERS; zero if it is not.
	Retried(ctx context.Context, durable string, seq uint64) (letter uint64, err error)
	// Resolve unparks a message that is done, and marks the letter that it was;
	// both or neither.
	Resolve(ctx context.Context, durable string, seq uint64) error
	// FailAgain unparks a message that was given up, of which another letter tells
	// by now, and marks the letter that it was; both or neither. A message that
	// was no letter when it was given up, and is one that is tried again now, stays
	// parked.
	FailAgain(ctx context.Context, durable string, seq, letter uint64, failure string) error
}
