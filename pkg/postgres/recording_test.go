package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loquent/callstream/schema"
)

// recording is the n-th recording of the call, which began n seconds into it.
func recording(n int, callSID string) schema.RecordingFacts {
	return schema.RecordingFacts{
		RecordingSID: recordingSID(n), CallSID: callSID, Status: schema.RecordingCompleted, Source: schema.SourceStartCallRecordingAPI,
		Track: "both", Channels: 2, Duration: ptr(57), StartedAt: at(n),
	}
}

func object(n int) schema.Object {
	key := recordingSID(n) + ".mp3"
	return schema.Object{URL: "s3://bucket/" + key, Key: key, Size: int64(1000 + n), SHA256: strings.Repeat("ab", 32)}
}

func (w *world) save(f schema.RecordingFacts, quarantined bool) {
	w.t.Helper()
	must(w.t, w.SaveRecording(w.t.Context(), w.account.AccountSID, w.account.OrganizationID, f, quarantined))
}

// archive stores the n-th recording of the call with its copy.
func (w *world) archive(n int, callSID string) {
	w.t.Helper()
	w.save(recording(n, callSID), false)
	must(w.t, w.MarkArchived(w.t.Context(), recordingSID(n), object(n)))
}

func (w *world) stored(n int) schema.RecordingRecord {
	w.t.Helper()
	r, err := w.Recording(w.t.Context(), recordingSID(n))
	must(w.t, err)
	return r
}

func TestARecordingOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	_, err := w.Recording(t.Context(), recordingSID(1))
	wantCode(t, err, schema.NotFound)

	w.save(recording(1, call), false)
	want := schema.RecordingRecord{RecordingFacts: recording(1, call), AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID}
	if diff := cmp.Diff(want, w.stored(1)); diff != "" {
		t.Errorf("saved:\n%s", diff)
	}

	must(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)))
	transcript := schema.Transcript{
		Text: "Hello. Goodbye.", Language: "en", Model: "whisper-1", Duration: 56.5,
		Segments: []schema.Segment{{Start: 0, End: 1.25, Text: "Hello."}, {Start: 1.25, End: 56.5, Text: "Goodbye.", Channel: 2}},
	}
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), transcript))
	receipt := schema.DeletionReceipt{RecordingSID: recordingSID(1), CallSID: call, AlreadyGone: true, Object: object(1), DeletedAt: noon}
	must(t, w.SaveDeletion(t.Context(), receipt))

	o := object(1)
	want.Object, want.Transcript, want.Receipt = &o, &transcript, &receipt
	ignore := cmpopts.IgnoreFields(schema.RecordingRecord{}, "ArchivedAt")
	if diff := cmp.Diff(want, w.stored(1), ignore); diff != "" {
		t.Errorf("at the end:\n%s", diff)
	}
	got := w.record(call)
	if got.RecordingURL != o.URL || got.Transcription != transcript.Text || w.stored(1).ArchivedAt == nil {
		t.Errorf("the call shows %q and %q", got.RecordingURL, got.Transcription)
	}
	if diff := cmp.Diff([]schema.RecordingRecord{want}, got.Recordings, ignore); diff != "" {
		t.Errorf("the call's recordings:\n%s", diff)
	}
}

func TestACallShowsItsFirstRecording(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for round := range 10 {
		call := w.call(round)
		number := func(n int) int { return 10*round + n } // 0 is the earliest, in quarantine
		w.save(recording(number(0), call), true)
		var workers sync.WaitGroup
		for n := range 4 {
			workers.Go(func() {
				if err := w.finish(number(n), call, n == 0); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		if got := w.record(call); got.RecordingURL != object(number(1)).URL || got.Transcription != recordingSID(number(1)) {
			t.Errorf("the call shows %q and %q", got.RecordingURL, got.Transcription)
		}
	}
}

// finish takes a recording to its transcript.
func (w *world) finish(n int, call string, quarantined bool) error {
	ctx, sid := w.t.Context(), recordingSID(n)
	return errors.Join(
		w.SaveRecording(ctx, w.account.AccountSID, w.account.OrganizationID, recording(n, call), quarantined),
		w.MarkArchived(ctx, sid, object(n)),
		w.SaveTranscript(ctx, sid, schema.Transcript{Text: sid}),
	)
}

// A marker that no call shows would be lost.
func TestNoMarkerWithoutARow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantCode(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)), schema.NotFound)
	wantCode(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{}), schema.NotFound)
	w.save(recording(1, callSID(1)), false)
	wantCode(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)), schema.NotFound)
	if w.stored(1).Object != nil {
		t.Error("half a marker")
	}
}

func TestTheFirstMarkerStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.archive(1, w.call(1))
	first := w.stored(1)
	must(t, w.MarkArchived(t.Context(), recordingSID(1), object(2)))
	if diff := cmp.Diff(first, w.stored(1)); diff != "" {
		t.Error(diff)
	}
}

func TestRecordingFactsInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	started := schema.RecordingFacts{RecordingSID: recordingSID(1), CallSID: call, Status: schema.RecordingInProgress, StartedAt: at(1)}
	for name, order := range map[string][]schema.RecordingFacts{
		"as it happened": {started, recording(1, call)},
		"backwards":      {recording(1, call), started},
		"a new word":     {recording(1, call), {RecordingSID: recordingSID(1), CallSID: call, Status: "shredded"}},
	} {
		w.exec(`TRUNCATE recording CASCADE`)
		for _, facts := range order {
			w.save(facts, false)
		}
		if diff := cmp.Diff(recording(1, call), w.stored(1).RecordingFacts); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Audio that Twilio lost before it was copied ends as deleted; once copied,
// what happens at Twilio changes nothing.
func TestARecordingThatGoesAtTwilio(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	gone := func(n int) schema.RecordingFacts {
		f := recording(n, call)
		f.Status = schema.RecordingDeleted
		return f
	}
	w.save(recording(1, call), false)
	w.save(gone(1), false)
	w.archive(2, call)
	w.save(gone(2), false)
	if a, b := w.stored(1).Status, w.stored(2).Status; a != schema.RecordingDeleted || b != schema.RecordingCompleted {
		t.Errorf("without a copy %s, with one %s", a, b)
	}
}

func TestQuarantineHides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	w.archive(1, call)
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{Text: "secret words"}))
	must(t, w.SaveDeletion(t.Context(), schema.DeletionReceipt{RecordingSID: recordingSID(1), CallSID: call, Object: object(1), DeletedAt: noon}))
	w.save(recording(1, call), true)
	w.save(recording(1, call), false) // quarantine is for good

	got := w.record(call)
	if got.RecordingURL != "" || got.Transcription != "" {
		t.Errorf("the call shows %q and %q", got.RecordingURL, got.Transcription)
	}
	alone, err := w.RecordingRecord(t.Context(), w.account.OrganizationID, recordingSID(1))
	must(t, err)
	operators, err := w.RecordingRecord(t.Context(), "", recordingSID(1))
	must(t, err)
	for _, r := range []schema.RecordingRecord{alone, operators, got.Recordings[0]} {
		if !r.Quarantined || r.Object != nil || r.Transcript != nil || r.Receipt == nil || r.Receipt.Object != (schema.Object{}) {
			t.Errorf("shown: %+v", r)
		}
	}
	if page, _, err := w.CallRecords(t.Context(), w.account.OrganizationID, schema.CallFilter{Text: "secret"}); err != nil || len(page) > 0 {
		t.Errorf("found by its words: %+v, %v", page, err)
	}
	if r := w.stored(1); r.Object == nil || r.Transcript == nil || !r.Quarantined {
		t.Errorf("the pipeline sees %+v", r)
	}
}

func TestWhoseRecordingItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	w.archive(1, call)
	w.archive(2, call)
	source := func(n int, source string) {
		w.exec(`UPDATE recording SET source = '` + source + `' WHERE recording_sid = '` + recordingSID(n) + `'`)
	}
	for name, c := range map[string]struct {
		outcome schema.Outcome
		rule    schema.Rule
		names   string
		source  string
		own     bool
	}{
		"started":                              {schema.Started, schema.RuleEnabled, recordingSID(1), schema.SourceStartCallRecordingAPI, true},
		"already running":                      {schema.NotStarted, schema.RuleAlreadyRunning, recordingSID(1), schema.SourceDialVerb, false},
		"started, another one":                 {schema.Started, schema.RuleEnabled, recordingSID(2), schema.SourceStartCallRecordingAPI, false},
		"started, the customer's TwiML beside": {schema.Started, schema.RuleEnabled, recordingSID(2), schema.SourceDialVerb, false},
		"by our TwiML":                         {schema.Started, schema.RuleTwiML, "", schema.SourceDialVerb, true},
		"a message left to our TwiML":          {schema.Started, schema.RuleTwiML, "", schema.SourceRecordVerb, true},
		"our TwiML, a program beside":          {schema.Started, schema.RuleTwiML, "", schema.SourceStartCallRecordingAPI, false},
		"our TwiML, a trunk's beside":          {schema.Started, schema.RuleTwiML, "", "Trunking", false},
		"our TwiML did not record":             {schema.NotStarted, schema.RuleDisabled, "", schema.SourceDialVerb, false},
	} {
		w.exec(`TRUNCATE recording_decision`)
		source(1, c.source)
		_, err := w.SaveDecision(t.Context(), w.account.AccountSID, w.account.OrganizationID,
			schema.Decision{CallSID: call, Outcome: c.outcome, Rule: c.rule, RecordingSID: c.names, DecidedAt: noon})
		must(t, err)
		if got := w.stored(1).Own; got != c.own {
			t.Errorf("%s: own is %v", name, got)
		}
	}
}

func TestAnotherAccountsRecordings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	call := w.call(1)
	w.archive(1, call)
	wantCode(t, w.SaveRecording(t.Context(), neighbour.AccountSID, neighbour.OrganizationID, recording(1, call), true), schema.Conflict)

	must(t, w.SaveRecording(t.Context(), neighbour.AccountSID, neighbour.OrganizationID, recording(0, call), false))
	wantCode(t, w.MarkArchived(t.Context(), recordingSID(0), object(0)), schema.NotFound)
	if got := w.record(call); len(got.Recordings) != 1 || got.RecordingURL != object(1).URL {
		t.Errorf("the call shows %+v", got)
	}
	_, err := w.RecordingRecord(t.Context(), neighbour.OrganizationID, recordingSID(1))
	wantCode(t, err, schema.NotFound)
}

func TestATranscriptReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.archive(1, w.call(1))
	long := schema.Transcript{Text: "a b c", Model: "m", Segments: []schema.Segment{{Text: "a"}, {Text: "b"}, {Text: "c"}}}
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), long))
	short := schema.Transcript{Text: "d\x00", Model: "m", Segments: []schema.Segment{{Text: "d\x00"}}}
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), short))
	want := schema.Transcript{Text: "d\uFFFD", Model: "m", Segments: []schema.Segment{{Text: "d\uFFFD"}}}
	if diff := cmp.Diff(&want, w.stored(1).Transcript); diff != "" {
		t.Error(diff)
	}
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{Model: "m"}))
	if diff := cmp.Diff(&schema.Transcript{Model: "m", Segments: []schema.Segment{}}, w.stored(1).Transcript); diff != "" {
		t.Errorf("silence:\n%s", diff)
	}
}

func TestTheFirstReceiptStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	w.archive(1, call)
	first := schema.DeletionReceipt{RecordingSID: recordingSID(1), CallSID: call, Object: object(1), DeletedAt: noon}
	second := first
	second.AlreadyGone, second.DeletedAt = true, *at(60)
	must(t, w.SaveDeletion(t.Context(), first))
	must(t, w.SaveDeletion(t.Context(), second))
	if diff := cmp.Diff(&first, w.stored(1).Receipt); diff != "" {
		t.Error(diff)
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call(2)
	w.archive(1, w.call(1))
	w.save(recording(2, callSID(1)), false)
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{Model: "m"}))
	must(t, w.SaveDeletion(t.Context(), schema.DeletionReceipt{RecordingSID: recordingSID(1), CallSID: callSID(1), DeletedAt: noon}))
	got, err := w.Totals(t.Context())
	must(t, err)
	if diff := cmp.Diff(schema.Totals{Calls: 2, Archived: 1, Transcripts: 1, Deleted: 1}, got); diff != "" {
		t.Error(diff)
	}
}

// Twilio names a two-leg call's recording by either leg; quarantine hides it
// from the call that shows it, whichever it is told with.
func TestQuarantineToldWithAnotherLeg(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	for _, told := range []string{w.call(2), callSID(3), ""} {
		w.exec(`TRUNCATE recording CASCADE`)
		w.archive(1, call)
		must(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{Text: "secret"}))
		w.save(recording(1, told), true)
		if got := w.record(call); got.RecordingURL != "" || got.Transcription != "" {
			t.Errorf("told with %q, the call shows %q and %q", told, got.RecordingURL, got.Transcription)
		}
	}
}

// When a recording began may become known after it was copied.
func TestTheFirstRecordingTurnsOutLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	early := recording(1, call)
	early.StartedAt = nil
	w.save(early, false)
	must(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)))
	w.archive(2, call)
	w.save(recording(1, call), false)
	if got := w.record(call); got.RecordingURL != object(1).URL || got.Recordings[0].RecordingSID != recordingSID(1) {
		t.Errorf("the call shows %s, its first recording is %s", got.RecordingURL, got.Recordings[0].RecordingSID)
	}
}
