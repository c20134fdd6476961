package bench

import "slices"

// kind says what of a sampled thing must be flat.
type kind int

const (
	memory        kind = iota // megabytes
	handles                   // what a process holds: goroutines, open files
	store                     // kilobytes that grow by every call, by as much
	memoryOfStore             // megabytes that grow with what is stored: for information
	count                     // calls, by which others are divided
)

// What counts as flat: a rise of a twentieth, or of what a garbage collection or
// a handful of connections make; for bytes a call, which come by the page, of a
// tenth.
const (
	flatLevel   = 0.05
	flatMemory  = 2 // MB
	flatHandles = 4
	flatCost    = 0.10
)

// Trend is how a thing went over the time that calls arrived, without the first
// tenth. For what a process holds Start, Middle and End are the medians of the
// first, the third and the last quarter, and Rise is from the third to the last:
// what the second half of the time added. For what is stored they are kilobytes
// a call in those quarters, and Rise is from the first half to the second.
type Trend struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Start  float64 `json:"start"`
	Middle float64 `json:"middle"`
	End    float64 `json:"end"`
	Rise   float64 `json:"rise"`
	Limit  float64 `json:"limit,omitempty"` // of Rise; 0: the trend is for information
	Flat   bool    `json:"flat"`
}

// trends judges everything that was sampled.
func (w *watch) trends() (all []Trend) {
	calls := w.series["calls"]
	for _, name := range w.names {
		s := w.series[name]
		switch s.kind {
		case count:
		case store:
			all = append(all, costs(name, s.values, calls.values))
		case memory:
			all = append(all, levels(name, "MB", s.values, flatMemory))
		case handles:
			all = append(all, levels(name, "", s.values, flatHandles))
		case memoryOfStore:
			t := levels(name, "MB", s.values, 0)
			t.Limit, t.Flat = 0, true
			all = append(all, t)
		}
	}
	return all
}

// levels judges values of which the level has to stay; least is the rise that
// is none.
func levels(name, unit string, values series, least float64) Trend {
	q := quarters(values)
	t := Trend{Name: name, Unit: unit, Start: q[0].median(), Middle: q[2].median(), End: q[3].median()}
	t.Rise = t.End - t.Middle
	t.Limit = max(least, flatLevel*t.Middle)
	t.Flat = t.Rise <= t.Limit
	return t
}

// costs judges values that grow by the calls, of which the growth a call has to
// stay.
func costs(name string, values, calls series) Trend {
	v, c := quarters(values), quarters(calls)
	t := Trend{Name: name, Unit: "kB/call", Start: cost(v[0], c[0]), Middle: cost(v[2], c[2]), End: cost(v[3], c[3])}
	first := cost(slices.Concat(v[0], v[1]), slices.Concat(c[0], c[1]))
	t.Rise = cost(slices.Concat(v[2], v[3]), slices.Concat(c[2], c[3])) - first
	t.Limit = flatCost * first
	t.Flat = t.Rise <= t.Limit
	return t
}

// cost returns by how much values grew for each call.
func cost(values, calls series) float64 {
	if len(values) < 2 {
		return 0
	}
	last := len(values) - 1
	return (values[last] - values[0]) / max(1, calls[last]-calls[0])
}

// quarters cuts values into four, in order.
func quarters(values series) (q [4]series) {
	for i := range q {
		q[i] = values[i*len(values)/4 : (i+1)*len(values)/4]
	}
	return q
}
