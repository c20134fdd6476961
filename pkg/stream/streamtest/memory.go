package streamtest

import (
	"context"
	"sync"
	"time"

	"github.com/loquent/callstream/pkg/stream"
)

// MemoryLedger is a [stream.Ledger], [stream.Excuser] and [stream.Parking] in
// memory. The zero value is ready.
type MemoryLedger struct {
	mu       sync.Mutex
	broken   error
	attempts map[key]int
	parked   map[key]time.Time
}

var (
	_ stream.Ledger  = (*MemoryLedger)(nil)
	_ stream.Excuser = (*MemoryLedger)(nil)
	_ stream.Parking = (*MemoryLedger)(nil)
)

type key struct {
	durable string
	seq     uint64
}

// Break makes every method fail with err, as if the database were away, until
// it is called with nil.
func (l *MemoryLedger) Break(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// use locks the ledger for one method.
func (l *MemoryLedger) use() (unlock func(), err error) {
	l.mu.Lock()
	if l.attempts == nil {
		l.attempts, l.parked = map[key]int{}, map[key]time.Time{}
	}
	return l.mu.Unlock, l.broken
}

// Attempt counts one more attempt at each message.
func (l *MemoryLedger) Attempt(_ context.Context, durable string, seqs []uint64) (map[uint64]int, error) {
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return nil, err
	}
	counts := make(map[uint64]int, len(seqs))
	for _, seq := range seqs {
		l.attempts[key{durable, seq}]++
		counts[seq] = l.attempts[key{durable, seq}]
	}
	return counts, nil
}

// Excuse takes back the latest attempt at each message.
func (l *MemoryLedger) Excuse(_ context.Context, durable string, seqs []uint64) error {
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		if k := (key{durable, seq}); l.attempts[k] > 1 {
			l.attempts[k]--
		} else {
			delete(l.attempts, k)
		}
	}
	return nil
}

// Settle forgets the messages' attempts.
func (l *MemoryLedger) Settle(_ context.Context, durable string, seqs []uint64) error {
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		delete(l.attempts, key{durable, seq})
	}
	return nil
}

// Attempts returns how many attempts at the message are counted.
func (l *MemoryLedger) Attempts(durable string, seq uint64) int {
	unlock, _ := l.use()
	defer unlock()
	return l.attempts[key{durable, seq}]
}

// Park keeps the message until the given time.
func (l *MemoryLedger) Park(_ context.Context, durable string, seq uint64, until time.Time, _ string) error {
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return err
	}
	l.parked[key{durable, seq}] = until
	return nil
}

// Due returns the messages whose time has come and holds them back.
func (l *MemoryLedger) Due(_ context.Context, durable string, limit int, hold time.Duration) (due []uint64, err error) {
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return nil, err
	}
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
	unlock, err := l.use()
	defer unlock()
	if err != nil {
		return err
	}
	delete(l.parked, key{durable, seq})
	return nil
}

// Advance brings every parked message's time forward by d, so that a test need
// not wait.
func (l *MemoryLedger) Advance(d time.Duration) {
	unlock, _ := l.use()
	defer unlock()
	for k := range l.parked {
		l.parked[k] = l.parked[k].Add(-d)
	}
}

// Parked returns how many messages wait for the durable.
func (l *MemoryLedger) Parked(durable string) (n int) {
	unlock, _ := l.use()
	defer unlock()
	for k := range l.parked {
		if k.durable == durable {
			n++
		}
	}
	return n
}
