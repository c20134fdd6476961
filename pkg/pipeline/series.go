package pipeline

import (
	"time"

	"github.com/loquent/callstream/pkg/stream"
)

// Series is the pipeline's history in columns: the n-th value of each belongs
// to the n-th moment. Where all of a moment's values are null nobody answered;
// where one durable's are it did not exist.
type Series struct {
	Every    int              `json:"every_seconds" doc:"Between two moments, where there is no gap"`
	At       []int64          `json:"at" doc:"The moments, in seconds since 1970"`
	Open     []*uint64        `json:"dead_letters_open"`
	Streams  []*StreamSeries  `json:"streams"`
	Durables []*DurableSeries `json:"durables"`
}

// StreamSeries is a stream's part.
type StreamSeries struct {
	Name    string    `json:"name"`
	LastSeq []*uint64 `json:"last_seq" doc:"Grows by one with every message stored"`
	Bytes   []*uint64 `json:"bytes"`
}

// DurableSeries is a durable's part.
type DurableSeries struct {
	Name         string     `json:"name"`
	Acknowledged []*uint64  `json:"acknowledged" doc:"Deliveries so far up to the first that is not; starts anew with a durable that is made anew"`
	Pending      []*uint64  `json:"pending" doc:"Not delivered yet, and delivered and not acknowledged: the most in the interval"`
	Parked       []*uint64  `json:"parked"`
	Oldest       []*float64 `json:"oldest_pending_seconds" doc:"How old the oldest is that is not acknowledged; 0 where none waits"`
}

// builder makes a series of groups of samples.
type builder struct {
	Series
	gap      time.Duration // longer than this without a sample is a gap
	last     time.Time     // of the samples so far
	streams  map[string]*StreamSeries
	durables map[string]*DurableSeries
}

func newBuilder(share int, every time.Duration) *builder {
	step := time.Duration(share) * every
	return &builder{
		Series: Series{
			Every: int(step.Seconds()), At: []int64{}, Open: []*uint64{}, Streams: []*StreamSeries{}, Durables: []*DurableSeries{},
		},
		gap:     step + 2*every,
		streams: map[string]*StreamSeries{}, durables: map[string]*DurableSeries{},
	}
}

// add makes a moment of samples that follow each other.
func (b *builder) add(group []State) {
	if first := group[0].At; !b.last.IsZero() && first.Sub(b.last) > b.gap {
		b.moment(b.last.Add(first.Sub(b.last) / 2))
	}
	b.last = group[len(group)-1].At
	b.moment(b.last)
	for _, s := range group {
		worst(b.Open, s.Open)
		for _, st := range s.Streams {
			b.stream(st)
		}
		for _, d := range s.Durables {
			b.durable(d, s.At)
		}
	}
}

// moment begins one in which nothing is known yet.
func (b *builder) moment(at time.Time) {
	b.At, b.Open = append(b.At, at.Unix()), append(b.Open, nil)
	for _, s := range b.Streams {
		s.LastSeq, s.Bytes = append(s.LastSeq, nil), append(s.Bytes, nil)
	}
	for _, d := range b.Durables {
		d.Acknowledged, d.Pending, d.Parked, d.Oldest = append(d.Acknowledged, nil), append(d.Pending, nil), append(d.Parked, nil), append(d.Oldest, nil)
	}
}

func (b *builder) stream(s stream.StreamState) {
	series, ok := b.streams[s.Name]
	if !ok {
		n := len(b.At)
		series = &StreamSeries{Name: s.Name, LastSeq: make([]*uint64, n), Bytes: make([]*uint64, n)}
		b.streams[s.Name], b.Streams = series, append(b.Streams, series)
	}
	latest(series.LastSeq, s.LastSeq)
	latest(series.Bytes, s.Bytes)
}

func (b *builder) durable(d Durable, at time.Time) {
	series, ok := b.durables[d.Name]
	if !ok {
		n := len(b.At)
		series = &DurableSeries{
			Name: d.Name, Acknowledged: make([]*uint64, n), Pending: make([]*uint64, n), Parked: make([]*uint64, n), Oldest: make([]*float64, n),
		}
		b.durables[d.Name], b.Durables = series, append(b.Durables, series)
	}
	latest(series.Acknowledged, d.Acknowledged)
	worst(series.Pending, d.Pending+uint64(max(d.AckPending, 0))) //nolint:gosec // a count
	worst(series.Parked, uint64(max(d.Parked, 0)))                //nolint:gosec // a count
	age := 0.0
	if !d.OldestPending.IsZero() {
		age = max(at.Sub(d.OldestPending).Seconds(), 0)
	}
	worst(series.Oldest, age)
}

// latest sets the present moment's value.
func latest[T any](column []*T, v T) { column[len(column)-1] = &v }

// worst sets the present moment's value unless it is greater already.
func worst[T uint64 | float64](column []*T, v T) {
	if last := &column[len(column)-1]; *last == nil || **last < v {
		*last = &v
	}
}
