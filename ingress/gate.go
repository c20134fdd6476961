package ingress

import "sync"

// gate bounds the requests in flight: all together, and each account's share of
// them, so that one account's load leaves places for the others'. A request
// counts for an account only once it has proven to be the account's.
type gate struct {
	places, share int

	mu    sync.Mutex
	taken int
	of    map[string]int // by account SID
}

func newGate(places int) *gate {
	return &gate{places: places, share: max(1, places*3/4), of: map[string]int{}}
}

// enter takes a place; false: there is none.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken >= g.places {
		return false
	}
	g.taken++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken--
}

// admit counts the place for an account; false: it has its share.
func (g *gate) admit(account string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of[account] >= g.share {
		return false
	}
	g.of[account]++
	return true
}

func (g *gate) dismiss(account string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of[account]--; g.of[account] == 0 {
		delete(g.of, account)
	}
}
