package stream

import (
	"context"
	"time"
)

// Ledger counts attempts outside the broker, which may forget its own count
// when it dies within 100 ms of a delivery.
type Ledger interface {
	// Attempt counts one more attempt at each message and returns the totals,
	// this attempt included.
	Attempt(ctx context.Context, durable string, seqs []uint64) (map[uint64]int, error)
	// Settle forgets messages that need no count any more.
	Settle(ctx context.Context, durable string, seqs []uint64) error
}

// Parking keeps messages whose next attempt is more than a minute away.
type Parking interface {
	// Park keeps the message until the given time.
	Park(ctx context.Context, durable string, seq uint64, until time.Time, reason string) error
	// Due returns messages whose time has come and holds them back from other
	// callers for the given time.
	Due(ctx context.Context, durable string, limit int, hold time.Duration) ([]uint64, error)
	// Unpark forgets the message.
	Unpark(ctx context.Context, durable string, seq uint64) error
}
