package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loquent/callstream/pkg/crash"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// CrashReport is what came of killing.
type CrashReport struct {
	Started   time.Time        `json:"started"`
	Took      float64          `json:"took_seconds"`
	Seed      uint64           `json:"seed"`
	Machine   Machine          `json:"machine"`
	LoadAfter float64          `json:"load_after"`
	Rows      []CrashRow       `json:"rows"`
	Lost      int              `json:"lost"`    // what should be there, and is not or is otherwise
	Doubled   int              `json:"doubled"` // what should be there once, or not at all, and is there
	Stuck     int              `json:"stuck"`   // messages that nobody ended, and legs whose news never all arrived
	Late      int              `json:"late"`    // calls that are answered and not recorded, since what ingress asked or stored took longer than a caller waits
	Letters   []string         `json:"dead_letters"`
	Outcome   simulator.Report `json:"outcome"`
}

// CrashRow is one point of one role. What is lost and doubled is counted where
// the process was last killed over the call or recording concerned.
type CrashRow struct {
	Role    string      `json:"role"`
	Point   crash.Point `json:"point"`
	Seen    int         `json:"seen"` // how often the role came there
	Kills   int         `json:"kills"`
	Lost    int         `json:"lost"`
	Doubled int         `json:"doubled"`

	missed int // how often it did not come there in time
}

// Kills returns the kills at all points.
func (r CrashReport) Kills() (n int) {
	for _, row := range r.Rows {
		n += row.Kills
	}
	return n
}

// Reached returns the points at which a process was killed.
func (r CrashReport) Reached() (n int) {
	for _, row := range r.Rows {
		n += min(row.Kills, 1)
	}
	return n
}

// Good reports whether nothing is lost, doubled or stuck, and nothing had to be
// given up.
func (r CrashReport) Good() bool {
	return r.Lost == 0 && r.Doubled == 0 && r.Stuck == 0 && len(r.Letters) == 0
}

// judge counts what is not as it should be.
func (m *matrix) judge(ctx context.Context, left int) error {
	r := m.report
	for _, d := range r.Outcome.Differences {
		row := m.plan.over(d.CallSID, cmp.Or(d.RecordingSID, d.CallSID))
		if row == nil {
			row = &CrashRow{} // counted in the sum alone
		}
		switch {
		case d.What == "decision" && m.callers.waited(d.CallSID):
			r.Late++ // a slow machine's doing, and no kill's
		case isDoubled(d):
			r.Doubled++
			row.Doubled++
		default:
			r.Lost++
			row.Lost++
		}
		m.explain(ctx, d)
	}
	r.Stuck = left + r.Outcome.Unfinished
	letters, err := m.conn.LatestDeadLetters(ctx, 100)
	if err != nil {
		return fmt.Errorf("read the dead letters: %w", err)
	}
	for _, l := range letters {
		r.Letters = append(r.Letters, fmt.Sprintf("%s %s: %s: %s (%d attempts)", l.Consumer, l.Subject, l.Reason, l.Error, l.Attempts))
	}
	for _, row := range m.plan.rows {
		r.Rows = append(r.Rows, *row)
	}
	slices.SortFunc(r.Rows, func(a, b CrashRow) int {
		return cmp.Or(m.order(a.Role)-m.order(b.Role), a.Point.Compare(b.Point))
	})
	doubled, err := m.doubles(ctx)
	r.Doubled += doubled
	return err
}

// explain logs what is known of a call that differs.
func (m *matrix) explain(ctx context.Context, d simulator.Difference) {
	record, err := m.db.CallRecord(ctx, "", d.CallSID)
	timeline, failed := m.db.Timeline(ctx, m.account.OrganizationID, d.CallSID)
	known, _ := json.Marshal(map[string]any{"record": record, "timeline": timeline})
	m.bench.log.Warn("a call differs", "difference", d.String(), "known", string(known), "error", errors.Join(err, failed))
}

// order is a role's place in a call's way.
func (m *matrix) order(role string) int {
	return slices.IndexFunc(m.victims, func(v *victim) bool { return v.name == role })
}

// isDoubled tells what is there once too often from what is missing or wrong.
func isDoubled(d simulator.Difference) bool {
	return d.What == "recordings started" || d.Got == "two" || strings.HasPrefix(d.Want, "none: ") || d.What == "object" && d.Want == "a key of its own"
}

// doubles counts events that are in the stream twice, and objects in the bucket
// that belong to no recording or are one too many.
func (m *matrix) doubles(ctx context.Context) (int, error) {
	events, err := m.repeated(ctx)
	if err != nil {
		return 0, err
	}
	objects, err := m.objects(ctx)
	if err != nil {
		return 0, err
	}
	archived := 0
	err = m.db.AllCallRecords(ctx, func(c schema.CallRecord) error {
		for _, r := range c.Recordings {
			if r.Object != nil {
				archived++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the calls: %w", err)
	}
	return events + max(0, objects-archived), nil
}

// WriteJSON writes the report as one indented JSON object.
func (r CrashReport) WriteJSON(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	if err := out.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteTable writes the report for people, with one summary as its last line.
func (r CrashReport) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s, after it %.2f\n\n", r.Started.UTC().Format("2006-01-02 15:04 MST"), r.Machine, r.LoadAfter)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ROLE\tSTEP\tKILLED\tSEEN\tKILLS\tLOST\tDOUBLED")
	for _, row := range r.Rows {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", row.Role, row.Point.Step, row.Point.When(), row.Seen, row.Kills, row.Lost, row.Doubled)
	}
	_ = table.Flush() // to memory
	_, _ = fmt.Fprintf(&b, "\n%s\n", r.Outcome)
	for _, d := range r.Outcome.Differences {
		fmt.Fprintln(&b, d)
	}
	for _, l := range r.Letters {
		fmt.Fprintf(&b, "dead letter of %s\n", l)
	}
	fmt.Fprintf(&b, "\n%d points (%d killed at), %d runs over %d calls in %s, seed %d: %d lost, %d doubled, %d stuck, %d dead letters\n",
		len(r.Rows), r.Reached(), r.Kills(), r.Outcome.Calls, time.Duration(r.Took*float64(time.Second)).Round(time.Second), r.Seed,
		r.Lost, r.Doubled, r.Stuck, len(r.Letters))
	if r.Late > 0 {
		fmt.Fprintf(&b, "%d calls were answered in time and not recorded, since what ingress asked or stored took longer than a caller waits: the machine is too slow for these figures\n", r.Late)
	}
	_, err := io.WriteString(w, b.String())
	return err //nolint:wrapcheck // the caller's writer
}
