package cli

import (
	"io"
	"sync"
)

// switchWriter is a writer whose destination can change while it is in use:
// log lines go through the live view while there is one, so that they do not
// tear it.
type switchWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes p to the current destination.
func (w *switchWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p) //nolint:wrapcheck // a writer's error is its caller's
}

// redirect sets a new destination.
func (w *switchWriter) redirect(to io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}
