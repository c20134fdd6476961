package console

import (
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// pipelineState is what the API tells of the pipeline now.
type pipelineState struct {
	At       time.Time
	Streams  []streamState
	Durables []durableState
	Open     int `json:"dead_letters_open"`
}

type streamState struct {
	Name     string
	Messages uint64
	Bytes    int64
	MaxBytes int64  `json:"max_bytes"`
	LastSeq  uint64 `json:"last_seq"`
	Replicas int
	Current  int
}

// Full returns how full the stream is, in percent; zero where it has no limit.
func (s streamState) Full() int64 {
	if s.MaxBytes <= 0 {
		return 0
	}
	return 100 * s.Bytes / s.MaxBytes
}

type durableState struct {
	Name          string
	Pending       uint64
	AckPending    uint64    `json:"ack_pending"`
	Parked        uint64    `json:"parked"`
	Redelivered   uint64    `json:"redelivered"`
	Waiting       int       `json:"waiting"`
	OldestPending time.Time `json:"oldest_pending"`
}

// Behind returns how many messages the durable has not acknowledged.
func (d durableState) Behind() uint64 { return d.Pending + d.AckPending }

// pipelineHistory is what the API remembers of it, in columns.
type pipelineHistory struct {
	At      []int64
	Open    []*uint64 `json:"dead_letters_open"`
	Streams []struct {
		Name    string
		LastSeq []*uint64 `json:"last_seq"`
	}
	Durables []struct {
		Name         string
		Acknowledged []*uint64
		Pending      []*uint64
		Oldest       []*float64 `json:"oldest_pending_seconds"`
	}
}

// pipeline is what its page shows.
type pipeline struct {
	pipelineState
	Arriving *float64 // events a second; nil: nothing is remembered yet
	Durables []durable
	Behind   uint64
	Oldest   time.Time // the oldest message that some durable has not acknowledged
	Range    string    // of the plots
}

// durable is one with what people want to know besides.
type durable struct {
	durableState
	Does string
	Rate *float64 // acknowledged a second; nil: nothing is remembered yet
}

// Idle reports whether no process asks for the durable's messages although
// there are some.
func (d durable) Idle() bool { return d.Waiting == 0 && d.Pending > 0 && d.AckPending == 0 }

// ranges are for how long back the plots go.
var ranges = map[string]time.Duration{"15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour}

// Ranges are the choices of the page.
func (pipeline) Ranges() []choice {
	return []choice{{Value: "15m", Name: "15 minutes"}, {Value: "1h", Name: "1 hour"}, {Value: "6h", Name: "6 hours"}}
}

// rateOver is over how long a rate is told.
const rateOver = time.Minute

// pipeline shows how far streams and durables are.
func (c *console) pipeline(v *visit) error {
	p := pipeline{Range: v.r.FormValue("range")}
	if _, ok := ranges[p.Range]; !ok {
		p.Range = "1h"
	}
	if err := v.get("/api/pipeline", nil, &p.pipelineState); err != nil {
		return unconnected(err)
	}
	past, err := v.history(rateOver)
	if err != nil {
		return err
	}
	for _, s := range past.Streams {
		if s.Name == schema.StreamCalls {
			p.Arriving = latestRate(past.At, s.LastSeq)
		}
	}
	slices.SortStableFunc(p.pipelineState.Durables, func(a, b durableState) int { return turnOf(a.Name) - turnOf(b.Name) })
	for _, d := range p.pipelineState.Durables {
		shown := durable{durableState: d, Does: consumerNamed(d.Name).Does}
		for _, h := range past.Durables {
			if h.Name == d.Name {
				shown.Rate = latestRate(past.At, h.Acknowledged)
			}
		}
		p.Durables, p.Behind = append(p.Durables, shown), p.Behind+d.Behind()
		if !d.OldestPending.IsZero() && (p.Oldest.IsZero() || d.OldestPending.Before(p.Oldest)) {
			p.Oldest = d.OldestPending
		}
	}
	return v.show("pipeline", "Pipeline", p)
}

// history asks for what is remembered of the given time back.
func (v *visit) history(back time.Duration) (past pipelineHistory, err error) {
	since := v.console.Clock().Add(-back).UTC().Format(time.RFC3339)
	err = v.get("/api/pipeline/history", url.Values{"since": {since}}, &past)
	return past, err
}

// latestRate returns by how much a counter grew a second between the first and
// the last of its values; nil where there are not two, or it began anew.
func latestRate(at []int64, counter []*uint64) *float64 {
	first, last := -1, -1
	for i, value := range counter {
		if value == nil {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
	}
	if first == last || *counter[last] < *counter[first] {
		return nil
	}
	rate := float64(*counter[last]-*counter[first]) / float64(max(at[last]-at[first], 1))
	return &rate
}

// plots is what the script of the page plots: columns for the same moments.
type plots struct {
	At       []int64      `json:"at"`
	Arriving []*float64   `json:"arriving"` // events a second
	Letters  []*uint64    `json:"letters"`
	Durables []plotSeries `json:"durables"`
}

type plotSeries struct {
	Name   string     `json:"name"`
	Rate   []*float64 `json:"rate"` // acknowledged a second
	Behind []*uint64  `json:"behind"`
	Oldest []*float64 `json:"oldest"` // seconds
}

// plots answers the columns as JSON.
func (c *console) plots(v *visit) error {
	back, ok := ranges[v.r.FormValue("range")]
	if !ok {
		back = time.Hour
	}
	past, err := v.history(back)
	if err != nil {
		return err
	}
	p := plots{At: past.At, Letters: past.Open}
	for _, s := range past.Streams {
		if s.Name == schema.StreamCalls {
			p.Arriving = rates(past.At, s.LastSeq)
		}
	}
	for _, known := range consumers {
		for _, d := range past.Durables {
			if d.Name == known.Name {
				p.Durables = append(p.Durables, plotSeries{d.Name, rates(past.At, d.Acknowledged), d.Pending, d.Oldest})
			}
		}
	}
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(p) //nolint:wrapcheck // fails when the visitor is gone
}

// rates returns by how much a counter grew a second up to each moment; nil where
// that is not known.
func rates(at []int64, counter []*uint64) []*float64 {
	out := make([]*float64, len(counter))
	for i := 1; i < len(counter); i++ {
		if counter[i-1] == nil || counter[i] == nil || *counter[i] < *counter[i-1] {
			continue
		}
		rate := float64(*counter[i]-*counter[i-1]) / float64(max(at[i]-at[i-1], 1))
		out[i] = &rate
	}
	return out
}
