package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loquent/callstream/pkg/simulator"
)

// SoakReport is what [Soak] saw.
type SoakReport struct {
	Started   time.Time        `json:"started"`
	Took      float64          `json:"took_seconds"`
	Rate      float64          `json:"calls_per_second"`
	Machine   Machine          `json:"machine"`
	LoadAfter float64          `json:"load_after"`
	Stopped   int              `json:"stopped"` // processes that were ended in order and started again
	Killed    int              `json:"killed"`  // by kill -9
	Trends    []Trend          `json:"trends"`
	Outcome   simulator.Report `json:"outcome"`
}

// Good reports whether nothing grew that should not, and everything is as the
// truth is.
func (r SoakReport) Good() bool {
	for _, t := range r.Trends {
		if !t.Flat {
			return false
		}
	}
	return r.Outcome.Identical()
}

// WriteJSON writes the report as one indented JSON object.
func (r SoakReport) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteTable writes the report for people.
func (r SoakReport) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s, after it %.2f\n", r.Started.UTC().Format("2006-01-02 15:04 MST"), r.Machine, r.LoadAfter)
	fmt.Fprintf(&b, "%s: %d calls at %s a second; %d processes stopped and %d killed, and started again\n\n",
		time.Duration(r.Took*float64(time.Second)).Round(time.Second), r.Outcome.Calls, number(r.Rate), r.Stopped, r.Killed)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tSTART\tMIDDLE\tEND\tRISE\tLIMIT\t")
	for _, t := range r.Trends {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			t.Name, t.value(t.Start), t.value(t.Middle), t.value(t.End), number(t.Rise), t.limit(), t.verdict())
	}
	_ = table.Flush() // to memory
	fmt.Fprintf(&b, "\n%s\n", r.Outcome)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (t Trend) value(v float64) string { return strings.TrimSpace(number(v) + " " + t.Unit) }

func (t Trend) limit() string {
	if t.Limit == 0 {
		return "-"
	}
	return number(t.Limit)
}

func (t Trend) verdict() string {
	switch {
	case t.Limit == 0:
		return "-"
	case t.Flat:
		return "flat"
	}
	return "RISES"
}
