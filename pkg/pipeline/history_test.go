package pipeline_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/pipeline"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// plant is a pipeline with one durable, as it is at one moment.
type plant struct {
	*testing.T
	now     time.Time
	durable *stream.DurableState
	stored  uint64
	letters uint64
	away    error
	asked   chan struct{}
}

func (p *plant) Info(context.Context) (stream.Info, error) {
	if p.asked != nil {
		p.asked <- struct{}{}
	}
	info := stream.Info{Streams: []stream.StreamState{
		{Name: schema.StreamCalls, LastSeq: p.stored, Bytes: 100 * p.stored}, {Name: schema.StreamDeadLetters, Messages: p.letters},
	}}
	if p.durable != nil {
		info.Durables = append(info.Durables, *p.durable)
	}
	return info, p.away
}

func (p *plant) Parked(context.Context, string) (int, error)                      { return 4, nil }
func (p *plant) ClosedLetters(context.Context, time.Time, uint64) (uint64, error) { return 1, nil }
func (p *plant) history(every, keep time.Duration) *pipeline.History {
	return pipeline.NewHistory(pipeline.HistoryConfig{
		Streams: p, Books: p, Every: every, Keep: keep, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return p.now },
	})
}

// pass has so many samples taken, one every ten seconds, with the counts as
// step leaves them.
func (p *plant) pass(h *pipeline.History, samples int, step func(i int)) {
	p.Helper()
	for i := range samples {
		step(i)
		if err := h.Sample(p.Context()); (err != nil) != (p.away != nil) {
			p.Fatalf("sample: %v", err)
		}
		p.now = p.now.Add(10 * time.Second)
	}
}

// columns is a series as it is answered.
func columns(t *testing.T, s pipeline.Series) (got map[string]any) {
	t.Helper()
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

var start = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestAHistoryTellsWhatWasThen(t *testing.T) {
	t.Parallel()
	p := &plant{T: t, now: start, letters: 3}
	h := p.history(0, 0)
	p.pass(h, 1, func(int) { p.stored = 10 })
	p.pass(h, 2, func(i int) {
		p.durable = &stream.DurableState{Name: "calls", Pending: 5, AckPending: 2, Acknowledged: uint64(7 + i), OldestPending: p.now.Add(-30 * time.Second)} //nolint:gosec // small
		p.stored = 20
	})
	want := map[string]any{
		"every_seconds": 10.0, "at": []any{float64(start.Unix()), float64(start.Unix() + 10), float64(start.Unix() + 20)},
		"dead_letters_open": []any{2.0, 2.0, 2.0},
		"streams": []any{
			map[string]any{"name": "CALLS", "last_seq": []any{10.0, 20.0, 20.0}, "bytes": []any{1000.0, 2000.0, 2000.0}},
			map[string]any{"name": "DEADLETTERS", "last_seq": []any{0.0, 0.0, 0.0}, "bytes": []any{0.0, 0.0, 0.0}},
		},
		"durables": []any{map[string]any{ // it was made later
			"name": "calls", "acknowledged": []any{nil, 7.0, 8.0}, "pending": []any{nil, 7.0, 7.0}, "parked": []any{nil, 4.0, 4.0},
			"oldest_pending_seconds": []any{nil, 30.0, 30.0},
		}},
	}
	if diff := cmp.Diff(want, columns(t, h.Series(time.Time{}, 100))); diff != "" {
		t.Error(diff)
	}
	if late := h.Series(start.Add(20*time.Second), 100); len(late.At) != 1 || late.At[0] != start.Unix()+20 {
		t.Errorf("since the last: %v", late.At)
	}
	if never := columns(t, h.Series(p.now, 100)); cmp.Diff([]any{}, never["durables"]) != "" {
		t.Errorf("since now: %v", never)
	}
}

// Few points tell of the peaks between them.
func TestAHistoryInFewPoints(t *testing.T) {
	t.Parallel()
	p := &plant{T: t, now: start}
	h := p.history(0, 0)
	p.pass(h, 10, func(i int) {
		p.durable = &stream.DurableState{Name: "calls", Acknowledged: uint64(i)} //nolint:gosec // small
		if i == 5 {
			p.durable.Pending = 90
		}
	})
	s := h.Series(time.Time{}, 3)
	got := columns(t, s)["durables"].([]any)[0].(map[string]any)
	if diff := cmp.Diff([]any{3.0, 7.0, 9.0}, got["acknowledged"]); diff != "" || s.Every != 40 {
		t.Errorf("acknowledged, every %d s:\n%s", s.Every, diff)
	}
	if diff := cmp.Diff([]any{0.0, 90.0, 0.0}, got["pending"]); diff != "" {
		t.Errorf("pending:\n%s", diff)
	}
}

func TestWhileNobodyAnswersTheHistoryHasAGap(t *testing.T) {
	t.Parallel()
	p := &plant{T: t, now: start}
	h := p.history(0, 0)
	nothing := func(int) {}
	p.pass(h, 2, nothing)
	p.away = schema.Errorf(schema.Unavailable, "no responders")
	p.pass(h, 10, nothing)
	p.away = nil
	p.pass(h, 1, nothing)
	s := h.Series(time.Time{}, 100)
	var known []bool
	for _, open := range s.Open {
		known = append(known, open != nil)
	}
	if diff := cmp.Diff([]bool{true, true, false, true}, known); diff != "" || len(s.At) != 4 || s.Streams[0].LastSeq[2] != nil {
		t.Errorf("at %v:\n%s", s.At, diff)
	}
}

func TestAHistoryForgets(t *testing.T) {
	t.Parallel()
	p := &plant{T: t, now: start}
	h := p.history(0, time.Minute)
	p.pass(h, 30, func(int) {})
	if s := h.Series(time.Time{}, 100); len(s.At) != 6 || s.At[5] != p.now.Unix()-10 {
		t.Errorf("%d samples: %v", len(s.At), s.At)
	}
}

func TestAHistoryIsSampledUntilItEnds(t *testing.T) {
	t.Parallel()
	p := &plant{T: t, now: start, asked: make(chan struct{}), away: schema.Errorf(schema.Unavailable, "no responders")}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.history(time.Millisecond, 0).Run(ctx) }()
	for range 3 { // that nobody answers does not end it
		<-p.asked
	}
	stop()
	for {
		select {
		case <-p.asked:
			continue
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		}
		return
	}
}
