package streamtest

import (
	"context"
	"sync"
	"time"
)

// MemoryLedger is a [stream.Ledger] and a [stream.Parking] in memory. The zero
// value is ready.
type MemoryLedger struct {
	mu       sync.Mutex
	attempts map[key]int
	parked   map[key]time.Time
}

type key struct {
	durable string
	seq     uint64
}

// Attempt counts one more attempt at each message.
func (l *MemoryLedger) Attempt(_ context.Context, durable string, seqs []uint64) (map[uint64]int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attempts == nil {
		l.attempts = map[key]int{}
	}
	counts := make(map[uint64]int, len(seqs))
	for _, seq := range seqs {
		l.attempts[key{durable, seq}]++
		counts[seq] = l.attempts[key{durable, seq}]
	}
	return counts, nil
}

// Settle forgets the messages' attempts.
func (l *MemoryLedger) Settle(_ context.Context, durable string, seqs []uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seq := range seqs {
		delete(l.attempts, key{durable, seq})
	}
	return nil
}

// Park keeps the message until the given time.
func (l *MemoryLedger) Park(_ context.Context, durable string, seq uint64, until time.Time, _ string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parked == nil {
		l.parked = map[key]time.Time{}
	}
	l.parked[key{durable, seq}] = until
	return nil
}

// Due returns the messages whose time has come and holds them back.
func (l *MemoryLedger) Due(_ context.Context, durable string, limit int, hold time.Duration) (due []uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for k, until := range l.parked {
		if k.durable == durable && !until.After(now) && len(due) < limit {
			due = append(due, k.seq)
			l.parked[k] = now.Add(hold)
		}
	}
	return due, nil
}

// Unpark forgets the message.
func (l *MemoryLedger) Unpark(_ context.Context, durable string, seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.parked, key{durable, seq})
	return nil
}

// Advance brings every parked message's time forward by d, so that a test need
// not wait.
func (l *MemoryLedger) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.parked {
		l.parked[k] = l.parked[k].Add(-d)
	}
}

// Parked returns how many messages wait for the durable.
func (l *MemoryLedger) Parked(durable string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.parked {
		if k.durable == durable {
			n++
		}
	}
	return n
}
