package crash

import (
	"regexp"
	"sync"
)

// Trap waits for one process to come to a point.
type Trap struct {
	mu    sync.Mutex
	seen  map[Point]int
	held  map[string]bool // where the process says what became of messages that it was given
	armed *armed
}

// armed is a trap that is set.
type armed struct {
	at   Point
	left int // occurrences to let pass
	kill func()
	over chan []string
}

// NewTrap returns a trap that is not set, and counts.
func NewTrap() *Trap { return &Trap{seen: make(map[Point]int), held: make(map[string]bool)} }

// Seen returns how often the process came to each point, kills included.
func (t *Trap) Seen() map[Point]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := make(map[Point]int, len(t.seen))
	for p, n := range t.seen {
		seen[p] = n
	}
	return seen
}

// Arm has kill called when the process comes to the point once more after it has
// passed it skip times. kill returns when the process is gone. The channel then
// yields the SIDs in what was carried.
func (t *Trap) Arm(at Point, skip int, kill func()) <-chan []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = &armed{at: at, left: skip, kill: kill, over: make(chan []string, 1)}
	return t.armed.over
}

// Disarm takes the trap away. It reports whether that was in time: otherwise the
// process was killed, or is being killed.
func (t *Trap) Disarm() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	inTime := t.armed != nil
	t.armed = nil
	return inTime
}

// reach says that the process has come to a point, with what is carried there,
// and reports whether it may go on. Where it may not, it is gone.
func (t *Trap) reach(at Point, carried func() []byte) bool {
	t.mu.Lock()
	t.seen[at]++
	a := t.armed
	if a == nil || a.at != at {
		t.mu.Unlock()
		return true
	}
	if a.left--; a.left >= 0 {
		t.mu.Unlock()
		return true
	}
	t.armed = nil
	t.mu.Unlock()
	a.kill()
	a.over <- sids(carried())
	return false
}

// Held returns the NATS messages that a process was given and has not said the
// end of, by the subjects at which it would have. It is meant for a process that
// is gone, and forgets them.
func (t *Trap) Held() (subjects []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for subject := range t.held {
		subjects = append(subjects, subject)
	}
	clear(t.held)
	return subjects
}

// hold notes that the process was given a message, or that it is over.
func (t *Trap) hold(subject string, holds bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if holds {
		t.held[subject] = true
		return
	}
	delete(t.held, subject)
}

// sid matches what Twilio names calls, recordings and messages by.
var sid = regexp.MustCompile(`\b(CA|RE|SM)[0-9a-f]{32}\b`)

// sids returns the SIDs in a text.
func sids(text []byte) []string {
	var found []string
	for _, s := range sid.FindAll(text, -1) {
		found = append(found, string(s))
	}
	return found
}
