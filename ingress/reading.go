package ingress

import (
	"errors"
	"io"
	"sync"
)

// errCrowded is what a body is refused with for which there is no room.
var errCrowded = errors.New("too many bytes of other requests are on their way")

// intake bounds the bodies that are on their way. It counts bytes and not
// requests: a place for each would be taken from others by anybody who sends a
// body and never ends it, for which he need not sign. What does not come takes
// no room.
type intake struct {
	mu   sync.Mutex
	left int64 // bytes
}

// take takes room for n bytes; false: there is none.
func (i *intake) take(n int64) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.left < n {
		return false
	}
	i.left -= n
	return true
}

// give gives room back.
func (i *intake) give(n int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left += n
}

// arriving is a body on its way, which takes room as it comes.
type arriving struct {
	io.Reader
	intake *intake
	taken  int64
}

// Read reads what there is room for.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if !a.intake.take(int64(n)) {
		return 0, errCrowded
	}
	a.taken += int64(n)
	return n, err //nolint:wrapcheck // a reader's errors pass as they are
}

// over gives the body's room back.
func (a *arriving) over() { a.intake.give(a.taken) }
