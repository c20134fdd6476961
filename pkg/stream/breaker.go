package stream

import (
	"sync"
	"time"
)

// After breakAfter publishes in a row without an answer, or when nobody has led
// the stream for breakLost, the breaker opens: publishes fail at once instead of
// each waiting out its time, and one in breakProbe is let through to see whether
// the answers are back. What nobody has tried for breakStale is unknown again.
const (
	breakAfter = 5
	breakLost  = time.Second // a leader that is moved, not lost, takes a tenth of that
	breakProbe = time.Second
	breakStale = 2 * breakProbe
)

// breaker knows whether JetStream answers; a cluster that lost its quorum is
// silent rather than failing. Its zero value is closed.
type breaker struct {
	mu     sync.Mutex
	silent int       // publishes in a row without an answer
	lost   time.Time // since when publishes in a row found nobody who leads the stream; zero: somebody does
	failed time.Time // when the last one did
	probed time.Time // when the last one was let through
}

// allow reports whether a publish may be tried now.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.isOpen(now) {
		return true
	}
	if now.Sub(b.probed) < breakProbe {
		return false
	}
	b.probed = now
	return true
}

// answered says that JetStream answered, be it by an error.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent, b.lost = 0, time.Time{}
}

// timedOut says that it did not.
func (b *breaker) timedOut(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent++
	b.probed = now
}

// leaderless says that nobody leads the stream: as while a leader is moved, for
// a moment, or after one died or the quorum was lost, for seconds at least.
func (b *breaker) leaderless(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost.IsZero() || now.Sub(b.failed) > breakStale {
		b.lost = now
	}
	b.failed = now
	b.silent = 0
}

// open reports whether publishes fail at once.
func (b *breaker) open(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isOpen(now)
}

func (b *breaker) isOpen(now time.Time) bool {
	lost := !b.lost.IsZero() && now.Sub(b.lost) >= breakLost && now.Sub(b.failed) <= breakStale
	return lost || b.silent >= breakAfter
}
