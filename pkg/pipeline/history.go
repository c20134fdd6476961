package pipeline

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// HistoryConfig is what a history samples, and how.
type HistoryConfig struct {
	Streams Streams
	Books   Books
	Every   time.Duration // between samples; 0: 10 s
	Keep    time.Duration // how long a sample is kept; 0: 6 h
	Logger  *slog.Logger
	Clock   func() time.Time // nil: time.Now
}

// History remembers the pipeline's state over the last hours.
type History struct {
	HistoryConfig
	mu      sync.Mutex
	samples []State // the oldest first
}

// NewHistory returns an empty history; [History.Run] fills it.
func NewHistory(c HistoryConfig) *History {
	c.Every, c.Keep = cmp.Or(c.Every, 10*time.Second), cmp.Or(c.Keep, 6*time.Hour)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &History{HistoryConfig: c}
}

// Run takes a sample now and then until ctx ends. That somebody does not answer
// ends nothing: the next sample comes when it is due.
func (h *History) Run(ctx context.Context) error {
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for {
		if err := h.Sample(ctx); err != nil && ctx.Err() == nil {
			h.Logger.Debug("sample the pipeline", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sample takes one sample and forgets those that are too old. It takes as long
// as there is between two at most.
func (h *History) Sample(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.Every)
	defer cancel()
	now := h.Clock()
	s, err := Look(ctx, h.Streams, h.Books, now)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := slices.IndexFunc(h.samples, func(s State) bool { return now.Sub(s.At) < h.Keep })
	if fresh < 0 {
		fresh = len(h.samples)
	}
	if fresh > 0 { // copied down, so that what is forgotten does not stay in memory
		h.samples = slices.Delete(h.samples, 0, fresh)
	}
	h.samples = append(h.samples, s)
	return nil
}

// Series returns what was sampled from since on as columns of about so many
// points: of the samples that share one, the last of what is counted and the
// worst of what is waiting.
func (h *History) Series(since time.Time, points int) Series {
	h.mu.Lock()
	from := len(h.samples)
	for from > 0 && !h.samples[from-1].At.Before(since) {
		from--
	}
	samples := slices.Clone(h.samples[from:])
	h.mu.Unlock()
	points = max(points, 1)
	share := max((len(samples)+points-1)/points, 1)
	b := newBuilder(share, h.Every)
	for group := range slices.Chunk(samples, share) {
		b.add(group)
	}
	return b.Series
}
