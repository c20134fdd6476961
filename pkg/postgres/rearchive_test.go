package postgres_test

import (
	"testing"

	"github.com/loquent/callstream/schema"
)

func TestACopyInPlaceOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantCode(t, w.Rearchive(t.Context(), recordingSID(1), object(1)), schema.NotFound)
	call := w.call(1)
	w.save(schema.RecordingFacts{RecordingSID: recordingSID(1), CallSID: call, Status: schema.RecordingCompleted}, false)
	wantCode(t, w.Rearchive(t.Context(), recordingSID(1), object(1)), schema.Conflict) // there is nothing to replace
	must(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)))

	moved := object(1)
	moved.URL = "s3://new/" + moved.Key
	must(t, w.Rearchive(t.Context(), recordingSID(1), moved))
	got := w.record(call)
	if got.RecordingURL != moved.URL || *got.Recordings[0].Object != moved {
		t.Errorf("the call shows %s, the recording %+v", got.RecordingURL, got.Recordings[0].Object)
	}
	before := read[string](w, `SELECT to_jsonb(r)::text FROM recording r`)
	must(t, w.Rearchive(t.Context(), recordingSID(1), moved))
	if after := read[string](w, `SELECT to_jsonb(r)::text FROM recording r`); after != before {
		t.Errorf("the same copy again changed the row from %s to %s", before, after)
	}
}

func TestACopyInPlaceOfAnotherShowsNothingQuarantined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := w.call(1)
	w.save(schema.RecordingFacts{RecordingSID: recordingSID(1), CallSID: call, Status: schema.RecordingCompleted}, true)
	must(t, w.MarkArchived(t.Context(), recordingSID(1), object(1)))
	must(t, w.Rearchive(t.Context(), recordingSID(1), object(2)))
	if got := w.record(call); got.RecordingURL != "" || got.Recordings[0].Object != nil {
		t.Errorf("people see %+v", got)
	}
	kept, err := w.Recording(t.Context(), recordingSID(1))
	must(t, err)
	if *kept.Object != object(2) {
		t.Errorf("kept is %+v", kept.Object)
	}
}
