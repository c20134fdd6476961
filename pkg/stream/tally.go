package stream

import (
	"context"
	"sync"

	"github.com/loquent/callstream/schema"
)

// tally counts how a replay's messages end. They end in any order and are
// counted in the stream's, so that the cursor never passes one that is still in
// work, and the counts are those of the messages up to the cursor.
type tally struct {
	slots chan struct{} // bounds how far others run ahead of one that takes long

	mu       sync.Mutex
	progress schema.ReplayProgress
	flight   []*ending // in the stream's order
}

// The ways in which a message of a replay ends.
const (
	endDone    = "done"
	endSkipped = "skipped"
	endFailed  = "failed"
)

// ending is a message on its way to its end.
type ending struct {
	seq uint64
	how string // empty: not yet
	err error
}

func newTally(progress schema.ReplayProgress, ahead int) *tally {
	return &tally{progress: progress, slots: make(chan struct{}, ahead)}
}

// open takes in the next message of the stream, and waits while too many are on
// their way. It returns nil when ctx ends first.
func (t *tally) open(ctx context.Context, seq uint64) *ending {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	e := &ending{seq: seq}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flight = append(t.flight, e)
	return e
}

// end says how a message ended, and counts it and those behind it once all
// before it have ended.
func (t *tally) end(e *ending, how string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.how, e.err = how, err
	for len(t.flight) > 0 && t.flight[0].how != "" {
		t.count(t.flight[0])
		t.flight[0] = nil
		t.flight = t.flight[1:]
		<-t.slots
	}
}

func (t *tally) count(e *ending) {
	p := &t.progress
	p.Cursor = e.seq
	switch e.how {
	case endDone:
		p.Done++
	case endSkipped:
		p.Skipped++
	case endFailed:
		p.Failed++
		p.Error = e.err.Error()
	}
	p.Total = max(p.Total, p.Seen())
}

// withhold counts a stage event that is not published.
func (t *tally) withhold(events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Withheld += uint64(events) //nolint:gosec // a length
}

// finish moves the cursor behind what no filter selected at the range's end.
func (t *tally) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Cursor = max(t.progress.Cursor, t.progress.End)
}

func (t *tally) now() schema.ReplayProgress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.progress
}
