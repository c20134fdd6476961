package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestNumbersSayWhatTheyKnow(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{
		0: "0", 0.0512: "0.05", 1.5: "1.50", 3: "3", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", 12_344: "12,340", 1_000_000: "1,000,000", -1234: "-1,234",
	} {
		if got := number(n); got != want {
			t.Errorf("%v is written %q, want %q", n, got, want)
		}
	}
}

// A neighbour that slows a round of both must not change what is concluded.
func TestTheRatioIsOfRoundsBesideEachOther(t *testing.T) {
	t.Parallel()
	ours, limit := series{90, 45, 9, 88, 91}, series{100, 50, 10, 100, 100}
	f := against("x", "events/s", ours, limit, "limit").atLeast(0.9)
	if f.Ratio != 0.9 || !*f.Met || f.Goal != "≥ 90 % of the limit" {
		t.Errorf("got %+v", f)
	}
	if f = f.atLeast(0.91); *f.Met {
		t.Error("90 % is taken for 91 %")
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	s := series{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.25: 2, 0.95: 4.8, 1: 5} {
		if got := s.quantile(q); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := (series{}).median(); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	r := Report{Figures: []Figure{
		{Part: "ingest", Name: "1 event a POST", Value: 9000, Unit: "events/s", Limit: 12_000, LimitOf: "storing nothing", Ratio: .75},
		{Part: "fsync", Name: "all of it", Error: "no disk"},
	}}
	r.Figures[0] = r.Figures[0].atLeast(.7)
	var table, text bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"9,000 events/s", "12,000 storing nothing", "75 %", "≥ 70 % of the limit", "met", "not measured", "fsync, all of it: no disk"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || len(back.Figures) != 2 || !*back.Figures[0].Met {
		t.Errorf("%v: %s", err, text.String())
	}
}

func TestPartsByName(t *testing.T) {
	t.Parallel()
	some, err := chosen([]string{"search", "ingest"})
	if err != nil || len(some) != 2 || some[0].Name != "ingest" {
		t.Errorf("%v, %v; want ingest and search in the order of all", some, err)
	}
	if _, err := chosen([]string{"speed"}); err == nil || !strings.Contains(err.Error(), "footprint") {
		t.Errorf("%v, want the names that there are", err)
	}
}
