package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is what Verify found.
type Report struct {
	Calls       int // calls that were placed, children not counted
	Legs        int // their legs
	Answered    int // calls that callstream's TwiML answered
	Rows        int // rows that the pipeline has
	Decisions   int // stored decisions about recording
	Recordings  int // recordings at Twilio, by whomever
	Objects     int // archived objects that were read and hashed
	Transcripts int
	Deletions   int // recordings gone at Twilio
	Unfinished  int // legs of calls that still go on, and were not compared

	Differences []Difference // by call and recording
}

// Difference is one thing that is not as it should be.
type Difference struct {
	CallSID      string `json:"call_sid"`
	RecordingSID string `json:"recording_sid,omitempty"`
	What         string `json:"what"`
	Want         string `json:"want"`
	Got          string `json:"got"`
}

// String returns the difference as one line.
func (d Difference) String() string {
	where := d.CallSID
	if d.RecordingSID != "" {
		where += " " + d.RecordingSID
	}
	return fmt.Sprintf("%s: %s: want %s, got %s", where, d.What, d.Want, d.Got)
}

// Identical reports whether all is as it should be, and nothing is still to
// come.
func (r Report) Identical() bool { return len(r.Differences) == 0 && r.Unfinished == 0 }

func (r *Report) sort() {
	slices.SortFunc(r.Differences, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.CallSID, b.CallSID), strings.Compare(a.RecordingSID, b.RecordingSID),
			strings.Compare(a.What, b.What))
	})
}

// brief shortens a text for the table.
func brief(s string) string {
	if len(s) > 60 {
		return s[:57] + "..."
	}
	return s
}

// mostShown is how many differences the table names.
const mostShown = 50

// String returns the report as a table: the counts, then the differences.
func (r Report) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, line := range []struct {
		name  string
		count int
	}{
		{"calls", r.Calls}, {"legs", r.Legs}, {"answered by TwiML", r.Answered}, {"rows", r.Rows}, {"decisions", r.Decisions},
		{"recordings", r.Recordings}, {"objects", r.Objects}, {"transcripts", r.Transcripts},
		{"deleted at Twilio", r.Deletions}, {"unfinished", r.Unfinished}, {"differences", len(r.Differences)},
	} {
		fmt.Fprintf(table, "%s\t%d\n", line.name, line.count)
	}
	for i, d := range r.Differences {
		if i == 0 {
			fmt.Fprint(table, "\ncall\trecording\twhat\twant\tgot\n")
		}
		if i == mostShown {
			fmt.Fprintf(table, "and %d more\n", len(r.Differences)-mostShown)
			break
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.CallSID, orDefault(d.RecordingSID, "-"), d.What, brief(d.Want), brief(d.Got))
	}
	_ = table.Flush()
	return text.String()
}
