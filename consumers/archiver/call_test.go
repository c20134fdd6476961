package archiver_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

func TestATrunkCallIsCreatedFromREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known = false
	w.call = func() (schema.CallFacts, error) {
		return schema.CallFacts{CallSID: callSID, From: "+15550199", To: "+15550100", Leg: schema.LegTrunkingOriginating, Status: schema.StatusCompleted, TrunkSID: "TK1"}, nil
	}
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	if len(w.updates) != 1 {
		t.Fatalf("created %d rows", len(w.updates))
	}
	u := w.updates[0]
	if !u.Creates || u.OrganizationID != orgID || u.Facts.Leg != schema.LegTrunkingOriginating || u.Direction != schema.Inbound || u.Entry.CallSID != callSID {
		t.Errorf("created %+v", u)
	}
	if w.log[1] != "create call" || w.record.Object == nil {
		t.Errorf("steps were %v", w.log)
	}
}

func TestAudioOfACallThatTwilioForgotIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known = false
	w.call = func() (schema.CallFacts, error) {
		return schema.CallFacts{}, schema.Errorf(schema.NotFound, "404")
	}
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	if u := w.updates[0]; u.Facts.CallSID != callSID || !u.Facts.StartedAt.Equal(startedAt) || !u.Creates {
		t.Errorf("created %+v", u)
	}
	if w.record.Object == nil {
		t.Error("the audio is not archived")
	}
}

func TestNoRowIsMadeUpWhileTwilioIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known = false
	w.call = func() (schema.CallFacts, error) {
		return schema.CallFacts{}, schema.Errorf(schema.Unavailable, "503")
	}
	if err := w.handle(t, processed(), 1); schema.CodeOf(err) != schema.Unavailable || len(w.updates) > 0 {
		t.Errorf("got %v and rows %+v", err, w.updates)
	}
}

func TestTheCallOfARecordingThatNamesNone(t *testing.T) {
	t.Parallel()
	w, event := newWorld(t), processed()
	event.Recording.CallSID = ""
	if err := w.handle(t, event, 1); err != nil {
		t.Fatal(err)
	}
	if w.record.CallSID != callSID || w.stored(t, audioKey) == nil {
		t.Errorf("stored %+v", w.record)
	}
	if w.timeline[0].CallSID != callSID {
		t.Error("the timeline has no line for the call")
	}

	w = newWorld(t)
	w.resource = func() (schema.RecordingFacts, error) { return schema.RecordingFacts{RecordingSID: sid}, nil }
	if got := streamtest.VerdictOf(w.handle(t, event, 1)); got.Kind != stream.KindTerminal {
		t.Errorf("got %+v for a recording of no call", got)
	}
}

func TestMediaThatComesLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := w.media
	w.media = func() (schema.Media, error) {
		return schema.Media{}, schema.Errorf(schema.NotFound, "404")
	}
	waited := time.Duration(0)
	for attempt := 1; attempt <= 9; attempt++ {
		got := streamtest.VerdictOf(w.handle(t, processed(), attempt))
		if got.Kind != stream.KindRetry || got.Wait < time.Second || got.Wait > time.Minute {
			t.Fatalf("attempt %d: got %+v", attempt, got)
		}
		waited += got.Wait
	}
	if waited < 2*time.Minute || waited > 5*time.Minute {
		t.Errorf("a 404 passes for late during %s", waited)
	}
	w.media = late
	if err := w.handle(t, processed(), 10); err != nil || w.record.Object == nil {
		t.Errorf("when it came: %v", err)
	}
}

func TestMediaThatNeverComes(t *testing.T) {
	t.Parallel()
	gone := schema.Errorf(schema.NotFound, "404")
	cases := map[string]struct {
		resource func() (schema.RecordingFacts, error)
		want     schema.RecordingStatus // stored as the recording's end; empty: goes on trying
	}{
		"deleted":           {func() (schema.RecordingFacts, error) { return schema.RecordingFacts{}, gone }, schema.RecordingDeleted},
		"deleted, softly":   {func() (schema.RecordingFacts, error) { return resource(schema.RecordingDeleted), nil }, schema.RecordingDeleted},
		"absent":            {func() (schema.RecordingFacts, error) { return resource(schema.RecordingAbsent), nil }, schema.RecordingAbsent},
		"kept elsewhere":    {func() (schema.RecordingFacts, error) { return resource(schema.RecordingCompleted), nil }, ""},
		"still in the make": {func() (schema.RecordingFacts, error) { return resource(schema.RecordingProcessing), nil }, ""},
		"Twilio away": {func() (schema.RecordingFacts, error) {
			return schema.RecordingFacts{}, schema.Errorf(schema.Unavailable, "503")
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.media = func() (schema.Media, error) { return schema.Media{}, gone }
			w.resource = c.resource
			err := w.handle(t, processed(), 10)
			if c.want == "" {
				if err == nil || w.record.Status != schema.RecordingCompleted {
					t.Errorf("got %v with %+v, want an error that goes on", err, w.record)
				}
				return
			}
			if err != nil || w.record.Status != c.want || w.record.Object != nil || len(w.timeline) != 1 {
				t.Errorf("got %v, stored %+v", err, w.record)
			}
		})
	}
}

// resource is the recording as Twilio's REST shows it.
func resource(status schema.RecordingStatus) schema.RecordingFacts {
	facts := processed().Recording
	facts.Status = status
	return facts
}
