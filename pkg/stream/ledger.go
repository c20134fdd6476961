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
