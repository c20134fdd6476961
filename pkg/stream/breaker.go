package stream

import (
	"sync"
	"time"
)

// After breakAfter publishes in a row without an answer the breaker opens:
// publishes fail at once instead of each waiting out its time, and one in
// breakProbe is let through to see whether the answers are back.
const (
	breakAfter = 5
	breakProbe = time.Second
)

// breaker knows whether JetStream answers; a cluster that lost its quorum is
// silent rather than failing. Its zero value is closed.
type breaker struct {
	mu     sync.Mutex
	silent int       // publishes in a row without an answer
	probed time.Time // when the last one was let through
}

// allow reports whether a publish may be tried now.
func (b *breaker) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.silent < breakAfter {
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
	b.silent = 0
}

// timedOut says that it did not.
func (b *breaker) timedOut(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.silent++
	b.probed = now
}

// open reports whether publishes fail at once.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.silent >= breakAfter
}
