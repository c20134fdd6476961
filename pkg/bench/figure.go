package bench

import (
	"fmt"
	"math"
	"strconv"
)

// Figure is one measured thing.
type Figure struct {
	Part  string  `json:"part"`
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`

	// Limit is what the bare thing did in the same run, and Ratio what callstream
	// reaches of it: for rates callstream / limit, for times the difference stands
	// in Value. Both are 0 where there is no limit to measure.
	Limit   float64 `json:"limit,omitempty"`
	LimitOf string  `json:"limit_of,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"`

	Goal string `json:"goal,omitempty"` // in words; empty: the figure is for information
	Met  *bool  `json:"met,omitempty"`  // nil: without a goal, or not measured

	Spread float64 `json:"spread,omitempty"` // of the rounds, as a share of the median: the noise
	Note   string  `json:"note,omitempty"`
	Error  string  `json:"error,omitempty"` // why it could not be taken
}

// atLeast sets the goal that the ratio to the limit is share or more.
func (f Figure) atLeast(share float64) Figure {
	f.Goal = fmt.Sprintf("≥ %s of the limit", percent(share))
	if share > 1 {
		f.Goal = fmt.Sprintf("≥ %s× the limit", number(share))
	}
	return f.judge(f.Ratio >= share)
}

// atMost sets the goal that the value is most or less.
func (f Figure) atMost(most float64) Figure {
	f.Goal = fmt.Sprintf("≤ %s %s", number(most), f.Unit)
	return f.judge(f.Value <= most)
}

// judge says whether the goal, which is set already, is met.
func (f Figure) judge(met bool) Figure {
	f.Met = &met
	return f
}

// verdict is the word for whether the goal is met.
func (f Figure) verdict() string {
	switch {
	case f.Error != "":
		return "not measured"
	case f.Met == nil:
		return "-"
	case *f.Met:
		return "met"
	}
	return "not met"
}

func percent(share float64) string { return strconv.Itoa(int(math.Round(share*100))) + " %" }

// number writes n with three digits that say something, and no more.
func number(n float64) string {
	switch size := math.Abs(n); {
	case size >= 10_000:
		return thousands(int64(math.Round(n/10) * 10))
	case size >= 1000:
		return thousands(int64(math.Round(n)))
	case size >= 100 || n == math.Trunc(n):
		return strconv.FormatFloat(n, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
