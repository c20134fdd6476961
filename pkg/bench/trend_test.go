package bench

import (
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/simulator"
)

// samples returns forty values of f.
func samples(f func(i int) float64) (s series) {
	for i := range 40 {
		s = append(s, f(i))
	}
	return s
}

func TestWhatCountsAsFlat(t *testing.T) {
	t.Parallel()
	calls := samples(func(i int) float64 { return float64(30 * i) })
	for name, c := range map[string]struct {
		kind   kind
		values series
		flat   bool
	}{
		"memory that stays":                 {memory, samples(func(int) float64 { return 40 }), true},
		"memory that warms up":              {memory, samples(func(i int) float64 { return min(30+float64(i), 45) }), true},
		"memory that comes and goes":        {memory, samples(func(i int) float64 { return 40 + float64(i%3)*5 }), true},
		"memory that leaks":                 {memory, samples(func(i int) float64 { return 40 + float64(i)/4 }), false},
		"one outlier":                       {memory, samples(func(i int) float64 { return 40 + float64(i/39)*100 }), true},
		"goroutines that leak":              {handles, samples(func(i int) float64 { return 20 + float64(i) }), false},
		"a few connections":                 {handles, samples(func(i int) float64 { return 20 + float64(i%4) }), true},
		"a store that grows by the call":    {store, samples(func(i int) float64 { return float64(300 * i) }), true},
		"a store of which calls cost more":  {store, samples(func(i int) float64 { return float64(i * i) }), false},
		"a broker that keeps what is there": {memoryOfStore, samples(func(i int) float64 { return float64(100 * i) }), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &watch{series: map[string]*sample{"calls": {kind: count, values: calls}, "it": {c.kind, c.values}}, names: []string{"calls", "it"}}
			trends := w.trends()
			if len(trends) != 1 || trends[0].Flat != c.flat {
				t.Fatalf("flat %v expected: %+v", c.flat, trends)
			}
			report := SoakReport{Trends: trends}
			if report.Good() != c.flat {
				t.Errorf("the report is good: %v", report.Good())
			}
			var table strings.Builder
			if err := report.WriteTable(&table); err != nil || strings.Contains(table.String(), "RISES") == c.flat {
				t.Errorf("%v\n%s", err, table.String())
			}
		})
	}
}

func TestASoakWithDifferencesIsNotGood(t *testing.T) {
	t.Parallel()
	report := SoakReport{Outcome: simulator.Report{Differences: []simulator.Difference{{What: "row"}}}}
	if report.Good() {
		t.Error("a report with a difference is good")
	}
}
