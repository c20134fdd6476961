package simulator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// ran is a pipeline that took calls without faults, and its simulator.
func ran(t *testing.T, calls int) (*fake, *Simulator) {
	t.Helper()
	f := newFake(t)
	f.config.Calls = calls
	s := f.start()
	s.FlagChanged(true, time.Now().Add(-time.Hour))
	f.run(s)
	return f, s
}

// Whatever is wrong with what the pipeline stored is named, and nothing else.
func TestVerifyFindsWhatIsStoredWrongly(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 60)
	if report := f.verify(s); !report.Identical() {
		t.Fatalf("not identical to begin with:\n%s", report)
	}
	recorded := func(row *schema.CallRecord) bool {
		return len(row.Recordings) == 1 && row.Recordings[0].Object != nil && row.Recordings[0].Own
	}
	answered := func(row *schema.CallRecord) bool { return row.AnsweredAt != nil && row.Decision != nil }
	any := func(*schema.CallRecord) bool { return true }
	hour := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		what   string // the difference that must be named
		suits  func(*schema.CallRecord) bool
		change func(*schema.CallRecord)
	}{
		{"status", any, func(r *schema.CallRecord) { r.Status = schema.StatusRinging }},
		{"status", answered, func(r *schema.CallRecord) { r.Status = schema.StatusBusy }},
		{"from", any, func(r *schema.CallRecord) { r.From = "+1" }},
		{"to", any, func(r *schema.CallRecord) { r.To = "" }},
		{"leg", any, func(r *schema.CallRecord) { r.Leg = "sideways" }},
		{"organization", any, func(r *schema.CallRecord) { r.OrganizationID = "org-2" }},
		{"direction", answered, func(r *schema.CallRecord) { r.Direction = "" }},
		{"phone_number", any, func(r *schema.CallRecord) { r.PhoneNumber = "+19995550000" }},
		{"parent_call_sid", any, func(r *schema.CallRecord) { r.ParentCallSID = "CA1" }},
		{"answered_at", answered, func(r *schema.CallRecord) { r.AnsweredAt = nil }},
		{"answered_at", answered, func(r *schema.CallRecord) { r.AnsweredAt = &hour }},
		{"ended_at", answered, func(r *schema.CallRecord) { r.EndedAt = nil }},
		{"started_at", any, func(r *schema.CallRecord) { r.StartedAt = &hour }},
		{"duration", answered, func(r *schema.CallRecord) { *r.Duration++ }},
		{"duration", answered, func(r *schema.CallRecord) { r.Duration = nil }},
		{"decision", answered, func(r *schema.CallRecord) { r.Decision = nil }},
		{"decision", answered, func(r *schema.CallRecord) { r.Decision.Outcome = schema.Starting }},
		{"decision", recorded, func(r *schema.CallRecord) { r.Decision.Outcome = schema.NotStarted }},
		{"decision's recording", recorded, func(r *schema.CallRecord) { r.Decision.RecordingSID = "RE1" }},
		{"recording", recorded, func(r *schema.CallRecord) { r.Recordings, r.RecordingURL, r.Transcription = nil, "", "" }},
		{"recording", recorded, func(r *schema.CallRecord) { r.Recordings = append(r.Recordings, r.Recordings[0]) }},
		{"recording", recorded, func(r *schema.CallRecord) {
			r.Recordings = append(r.Recordings, schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{RecordingSID: "RE1"}})
		}},
		{"recording's status", recorded, func(r *schema.CallRecord) { r.Recordings[0].Status = schema.RecordingProcessing }},
		{"recording's source", recorded, func(r *schema.CallRecord) { r.Recordings[0].Source = "" }},
		{"recording's owner is callstream", recorded, func(r *schema.CallRecord) { r.Recordings[0].Own = false }},
		{"recording's channels", recorded, func(r *schema.CallRecord) { r.Recordings[0].Channels = 0 }},
		{"recording's duration", recorded, func(r *schema.CallRecord) { r.Recordings[0].Duration = nil }},
		{"quarantine", recorded, func(r *schema.CallRecord) {
			r.Recordings[0].Quarantined, r.Recordings[0].Transcript = true, nil
			r.RecordingURL, r.Transcription = "", ""
		}},
		{"object", recorded, func(r *schema.CallRecord) { r.Recordings[0].Object, r.RecordingURL = nil, "" }},
		{"object", recorded, func(r *schema.CallRecord) { r.Recordings[0].Object.Key = "elsewhere" }},
		{"object's noted SHA-256", recorded, func(r *schema.CallRecord) { r.Recordings[0].Object.SHA256 = "" }},
		{"object's noted size", recorded, func(r *schema.CallRecord) { r.Recordings[0].Object.Size-- }},
		{"recording_url", recorded, func(r *schema.CallRecord) { r.RecordingURL = "" }},
		{"transcription", recorded, func(r *schema.CallRecord) { r.Transcription = "something else" }},
		{"transcript", recorded, func(r *schema.CallRecord) { r.Recordings[0].Transcript, r.Transcription = nil, "" }},
		{"transcript's text", recorded, func(r *schema.CallRecord) {
			r.Recordings[0].Transcript.Text = "nothing of the kind"
			r.Transcription = "nothing of the kind"
		}},
		{"transcript's segments", recorded, func(r *schema.CallRecord) { r.Recordings[0].Transcript.Segments = nil }},
		{"transcript's segment 0", recorded, func(r *schema.CallRecord) { r.Recordings[0].Transcript.Segments[0].Channel = 3 }},
		{"transcript's segment 1", recorded, func(r *schema.CallRecord) { r.Recordings[0].Transcript.Segments[1].Start += 2 }},
		{"deletion receipt", recorded, func(r *schema.CallRecord) { r.Recordings[0].Receipt = nil }},
		{"deletion receipt", recorded, func(r *schema.CallRecord) { r.Recordings[0].Receipt.Object.SHA256 = "" }},
	}
	for i, test := range tests {
		t.Run(fmt.Sprintf("%s %d", test.what, i), func(t *testing.T) {
			planted := ""
			pipeline := &altered{fake: f, change: func(row schema.CallRecord) []schema.CallRecord {
				if planted == "" && test.suits(&row) {
					planted = row.CallSID
					row = copied(row)
					test.change(&row)
				}
				return []schema.CallRecord{row}
			}}
			expectOne(t, s, pipeline, &planted, test.what)
		})
	}
}

func TestVerifyFindsMissingAndSurplusRows(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 40)
	for name, change := range map[string]func(schema.CallRecord) []schema.CallRecord{
		"missing": func(schema.CallRecord) []schema.CallRecord { return nil },
		"double":  func(row schema.CallRecord) []schema.CallRecord { return []schema.CallRecord{row, row} },
		"surplus": func(row schema.CallRecord) []schema.CallRecord {
			extra := row
			extra.CallSID = "CAffffffffffffffffffffffffffffffff"
			return []schema.CallRecord{row, extra}
		},
	} {
		t.Run(name, func(t *testing.T) {
			planted := ""
			pipeline := &altered{fake: f, change: func(row schema.CallRecord) []schema.CallRecord {
				if planted != "" || len(row.Recordings) > 0 || row.Decision != nil {
					return []schema.CallRecord{row}
				}
				rows := change(row)
				planted = row.CallSID
				if len(rows) == 2 {
					planted = rows[1].CallSID
				}
				return rows
			}}
			expectOne(t, s, pipeline, &planted, "row")
		})
	}
}

// expectOne verifies and wants the planted difference first among those named,
// all of which are of its call.
func expectOne(t *testing.T, s *Simulator, pipeline Pipeline, planted *string, what string) {
	t.Helper()
	report, err := s.Verify(t.Context(), pipeline)
	if err != nil {
		t.Fatal(err)
	}
	if *planted == "" {
		t.Fatal("no row suits")
	}
	found := false
	for _, d := range report.Differences {
		found = found || d.What == what
		if d.CallSID != *planted {
			t.Errorf("also named: %s", d)
		}
	}
	if !found {
		t.Errorf("%s of %s is not named:\n%s", what, *planted, report)
	}
}

// altered changes a pipeline's rows on their way.
type altered struct {
	*fake
	change func(schema.CallRecord) []schema.CallRecord
}

func (a *altered) Calls(ctx context.Context, each func(schema.CallRecord) error) error {
	return a.fake.Calls(ctx, func(row schema.CallRecord) error {
		for _, changed := range a.change(row) {
			if err := each(changed); err != nil {
				return err
			}
		}
		return nil
	})
}

// copied is deep enough for changes not to reach the original.
func copied(row schema.CallRecord) schema.CallRecord {
	if row.Decision != nil {
		d := *row.Decision
		row.Decision = &d
	}
	if row.Duration != nil {
		n := *row.Duration
		row.Duration = &n
	}
	row.Recordings = slices.Clone(row.Recordings)
	for i := range row.Recordings {
		r := &row.Recordings[i]
		if r.Object != nil {
			o := *r.Object
			r.Object = &o
		}
		if r.Transcript != nil {
			t := *r.Transcript
			t.Segments = slices.Clone(t.Segments)
			r.Transcript = &t
		}
		if r.Receipt != nil {
			receipt := *r.Receipt
			r.Receipt = &receipt
		}
	}
	return row
}

// What the pipeline does wrongly at Twilio is found from what the simulator
// saw, whatever the pipeline's rows say.
func TestVerifyFindsWhatIsDoneWrongly(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	first := func(string) bool { return !once.CompareAndSwap(false, true) }
	tests := []struct {
		name, what string
		plant      func(*fake)
		flag       bool
	}{
		{"recording against the flag", "recording", func(*fake) {}, false},
		{"not recording though the flag is on", "decision", func(f *fake) { f.decide = func(string) bool { return false } }, true},
		{"recording the dialled child", "recording started on", func(f *fake) {
			f.onto = func(child, _ string) string { return child }
		}, true},
		{"leaving one recording at Twilio", "deletion", func(f *fake) { f.remove = first }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			test.plant(f)
			s := f.start()
			s.FlagChanged(test.flag, time.Now().Add(-time.Minute))
			f.run(s)
			report := f.verify(s)
			if !slices.ContainsFunc(report.Differences, func(d Difference) bool { return d.What == test.what }) {
				t.Errorf("no %q among\n%s", test.what, report)
			}
		})
	}
}

// A recording that was deleted before its audio went out is lost for ever, and
// Verify says so although the rows may look well.
func TestVerifyFindsDeletionBeforeFetching(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 30)
	s.mu.Lock()
	sid := ""
	for _, r := range s.recordings {
		if !r.deleted.IsZero() {
			r.fetched, sid = time.Time{}, r.sid
			break
		}
	}
	s.mu.Unlock()
	report := f.verify(s)
	if len(report.Differences) != 1 || report.Differences[0].RecordingSID != sid || report.Differences[0].What != "deletion" {
		t.Errorf("%s was deleted unfetched, but\n%s", sid, report)
	}
}

func TestVerifyFindsWrongBytes(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 30)
	var changed string
	for key, audio := range f.objects {
		audio = slices.Clone(audio)
		audio[len(audio)-1] ^= 1
		f.objects[key], changed = audio, key
		break
	}
	report := f.verify(s)
	if len(report.Differences) != 1 || report.Differences[0].RecordingSID != changed || report.Differences[0].What != "object's bytes" {
		t.Errorf("a bit of %s was turned, but\n%s", changed, report)
	}
}

// An event that is refused for good is a fact that never arrived.
func TestVerifyFindsRefusedEvents(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Calls = 20
	var refused atomic.Int32
	f.refuse = func(_ *http.Request, body []byte) int {
		if strings.Contains(string(body), "call.completed") && refused.Add(1) == 1 {
			return http.StatusBadRequest
		}
		return 0
	}
	s := f.start()
	s.FlagChanged(true, time.Now())
	f.run(s)
	report := f.verify(s)
	if len(report.Differences) == 0 || !strings.HasPrefix(report.Differences[0].What, "event CA") || s.Progress().Dropped == 0 {
		t.Errorf("an event was refused, but\n%s", report)
	}
	if got := report.Differences[0].Got; got != "400 Bad Request" {
		t.Errorf("the answer is given as %q", got)
	}
}

// A flag that changes while calls go on excuses what fell into the change, and
// nothing else.
func TestVerifyFollowsTheFlag(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Calls = 80
	var on atomic.Bool
	s := f.start()
	on.Store(true)
	s.FlagChanged(true, time.Now())
	var received atomic.Int32
	f.refuse = func(*http.Request, []byte) int {
		if received.Add(1) == 200 {
			f.switching.Lock()
			defer f.switching.Unlock()
			on.Store(false)
			s.FlagChanged(false, time.Now())
		}
		return 0
	}
	f.decide = func(string) bool { return on.Load() }
	f.run(s)
	if report := f.verify(s); !report.Identical() {
		t.Errorf("not identical:\n%s", report)
	}
}

func TestFlagAround(t *testing.T) {
	t.Parallel()
	base := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return base.Add(time.Duration(seconds) * time.Second) }
	s := state{flags: []flagEntry{{true, at(100)}, {false, at(200)}, {true, at(201)}}}
	for _, test := range []struct {
		seconds int
		on, off bool
	}{
		{0, false, true}, {97, false, true}, {99, true, true}, {101, true, true}, {150, true, false},
		{199, true, true}, {200, true, true}, {202, true, true}, {204, true, false}, {9999, true, false},
	} {
		if on, off := s.flagAround(true, at(test.seconds), grace), s.flagAround(false, at(test.seconds), grace); on != test.on || off != test.off {
			t.Errorf("around %d s: on %t, off %t, want %t, %t", test.seconds, on, off, test.on, test.off)
		}
	}
}

// The pipeline's own errors are errors, not differences.
func TestVerifyPassesErrorsOn(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 1)
	broken := errors.New("the database is away")
	pipeline := &altered{fake: f, change: func(schema.CallRecord) []schema.CallRecord { return nil }}
	_, err := s.Verify(t.Context(), erring{pipeline, broken})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

type erring struct {
	Pipeline
	err error
}

func (e erring) Calls(context.Context, func(schema.CallRecord) error) error { return e.err }

func TestReportNamesDifferences(t *testing.T) {
	t.Parallel()
	report := Report{Calls: 3}
	if !report.Identical() {
		t.Error("an empty report is not identical")
	}
	for i := range mostShown + 2 {
		report.Differences = append(report.Differences, Difference{CallSID: fmt.Sprintf("CA%03d", i), What: "status", Want: "busy", Got: "ringing"})
	}
	text := report.String()
	for _, want := range []string{"calls              3", "differences        52", "CA000", "status", "busy", "ringing", "and 2 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if report.Identical() || (Report{Unfinished: 1}).Identical() {
		t.Error("a report with differences, or with calls that go on, is identical")
	}
}
