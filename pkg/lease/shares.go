package lease

import (
	"sync"
	"time"
)

// shareWindow is how long a tenant counts as present after it last asked for a
// worker.
const shareWindow = 30 * time.Second

// Shares divides a process's workers between tenants: one alone may use them
// all, but while others have work too, each is held to half. So one tenant's
// backlog slows the others, and never stops them. A nil *Shares sets no limit.
type Shares struct {
	half int
	now  func() time.Time

	mu   sync.Mutex
	busy map[string]int       // workers in use, by tenant
	seen map[string]time.Time // when each tenant last asked
}

// NewShares returns the shares of a number of workers, or nil where there are
// fewer than two to share. now is the clock.
func NewShares(workers int, now func() time.Time) *Shares {
	if workers < 2 {
		return nil
	}
	return &Shares{half: workers / 2, now: now, busy: make(map[string]int), seen: make(map[string]time.Time)}
}

// Take takes a worker for tenant; release gives it back and must be called
// once. ok is false when the tenant has its share and others have work.
func (s *Shares) Take(tenant string) (release func(), ok bool) {
	if s == nil {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[tenant] = s.now()
	if s.busy[tenant] >= s.half && s.contended() {
		return nil, false
	}
	s.busy[tenant]++
	return func() { s.give(tenant) }, true
}

func (s *Shares) give(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[tenant]--; s.busy[tenant] == 0 {
		delete(s.busy, tenant)
	}
}

// contended reports whether more than one tenant asked lately, and forgets
// those that did not.
func (s *Shares) contended() bool {
	since := s.now().Add(-shareWindow)
	for tenant, at := range s.seen {
		if at.Before(since) {
			delete(s.seen, tenant)
		}
	}
	return len(s.seen) > 1
}
