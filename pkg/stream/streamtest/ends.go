package streamtest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// End is the line that a runner writes when a message has come to an end, for
// now or for good.
type End struct {
	Level   slog.Level
	Seq     uint64
	Outcome string         // done, retried, snoozed or dead_letter
	Attrs   map[string]any // all of the line's attributes
}

// Ends is a logger's handler that collects a runner's lines: the signal that a
// message has come to an end.
type Ends struct {
	mu   sync.Mutex
	read int
	all  []End
	news chan struct{} // closed and replaced with each line
}

// NewEnds returns an empty collection.
func NewEnds() *Ends { return &Ends{news: make(chan struct{})} }

// Logger returns the logger to give to a runner.
func (e *Ends) Logger() *slog.Logger { return slog.New(endHandler{e}) }

// Next waits for the next line that was not returned yet.
func (e *Ends) Next(t testing.TB) End {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		e.mu.Lock()
		if e.read < len(e.all) {
			e.read++
			end := e.all[e.read-1]
			e.mu.Unlock()
			return end
		}
		news := e.news
		e.mu.Unlock()
		select {
		case <-news:
		case <-timeout.C:
			t.Fatal("waited for a message's end in vain")
		}
	}
}

// Await returns the first line from now on that has the outcome.
func (e *Ends) Await(t testing.TB, outcome string) End {
	t.Helper()
	for {
		if end := e.Next(t); end.Outcome == outcome {
			return end
		}
	}
}

// endHandler is the handler of [Ends].
type endHandler struct{ ends *Ends }

// Enabled is true: every line is a signal.
func (endHandler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs is not used by runners.
func (h endHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup is not used by runners.
func (h endHandler) WithGroup(string) slog.Handler { return h }

// Handle collects the lines that end a message.
func (h endHandler) Handle(_ context.Context, record slog.Record) error {
	if record.Message != "message" {
		return nil
	}
	end := End{Level: record.Level, Attrs: map[string]any{}}
	record.Attrs(func(a slog.Attr) bool {
		end.Attrs[a.Key] = a.Value.Any()
		return true
	})
	end.Seq, _ = end.Attrs["seq"].(uint64)
	end.Outcome, _ = end.Attrs["outcome"].(string)
	h.ends.mu.Lock()
	defer h.ends.mu.Unlock()
	h.ends.all = append(h.ends.all, end)
	close(h.ends.news)
	h.ends.news = make(chan struct{})
	return nil
}
