package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run measured, and where.
type Report struct {
	Started time.Time `json:"started"`
	Took    float64   `json:"took_seconds"`
	Quick   bool      `json:"quick"` // too short for figures to be quoted
	Machine Machine   `json:"machine"`
	Figures []Figure  `json:"figures"`
}

// Machine is what the figures depend on.
type Machine struct {
	OS       string  `json:"os"`
	Arch     string  `json:"arch"`
	CPUs     int     `json:"cpus"`
	MemoryMB int     `json:"memory_mb,omitempty"`
	Go       string  `json:"go"`
	Load     float64 `json:"load_before,omitempty"` // of the last minute before the run: others' work
}

func newMachine() Machine {
	return Machine{
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), MemoryMB: memoryMB(), Go: runtime.Version(), Load: loadAverage(),
	}
}

// String describes the machine in a line.
func (m Machine) String() string {
	s := fmt.Sprintf("%s/%s, %d CPUs", m.OS, m.Arch, m.CPUs)
	if m.MemoryMB > 0 {
		s += fmt.Sprintf(", %d GiB", (m.MemoryMB+512)/1024)
	}
	return fmt.Sprintf("%s, %s; load before the run %.2f", s, m.Go, m.Load)
}

// WriteJSON writes the report as one indented JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s\n", r.Started.UTC().Format("2006-01-02 15:04 MST"), r.Machine)
	if r.Quick {
		b.WriteString("quick: rounds are short, so figures vary\n")
	}
	b.WriteByte('\n')
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PART\tWHAT\tFIGURE\tLIMIT\tRATIO\tGOAL\t")
	for _, f := range r.Figures {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Part, f.Name, f.figure(), f.limit(), f.ratio(), f.Goal, f.verdict())
	}
	_ = table.Flush() // to memory
	b.WriteString(r.remarks())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// remarks are what the figures say in words.
func (r Report) remarks() string {
	var b strings.Builder
	for _, f := range r.Figures {
		for _, text := range []string{f.Note, f.Error} {
			if text != "" {
				fmt.Fprintf(&b, "\n%s, %s: %s", f.Part, f.Name, text)
			}
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

func (f Figure) figure() string {
	if f.Error != "" {
		return ""
	}
	s := number(f.Value) + " " + f.Unit
	if f.Spread >= 0.1 {
		s += " ±" + percent(f.Spread/2)
	}
	return s
}

func (f Figure) limit() string {
	if f.Limit == 0 {
		return ""
	}
	return number(f.Limit) + " " + f.LimitOf
}

func (f Figure) ratio() string {
	switch {
	case f.Ratio == 0:
		return ""
	case f.Ratio < 1.5:
		return percent(f.Ratio)
	}
	return number(f.Ratio) + "×"
}
