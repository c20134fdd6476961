package archiver_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// gone is Twilio's answer about audio that was deleted.
func gone() (schema.Media, error) {
	return schema.Media{}, schema.Errorf(schema.NotFound, "Twilio answered 404")
}

// archived is a world in which the recording is archived and gone at Twilio.
func archived(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.decision = &schema.Decision{CallSID: callSID, Outcome: schema.Started, Rule: schema.RuleEnabled, Enabled: true, RecordingSID: sid}
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	w.media = gone
	w.resource = func() (schema.RecordingFacts, error) {
		return schema.RecordingFacts{}, schema.Errorf(schema.NotFound, "404")
	}
	w.log, w.published = nil, nil
	return w
}

// forget empties the database.
func (w *world) forget() {
	w.record, w.decision, w.known, w.updates, w.timeline = nil, nil, false, nil, nil
}

func TestALostDatabaseIsRestoredFromTheBucket(t *testing.T) {
	t.Parallel()
	w := archived(t)
	before, decision := *w.record.Object, *w.decision
	w.forget()
	if err := w.replay(t, processed(), false); err != nil {
		t.Fatal(err)
	}
	want := []string{"verify", "create call", "restore decision", "store completed", "mark", "publish recording.archived:" + sid}
	if diff := cmp.Diff(want, w.log); diff != "" {
		t.Errorf("order of steps (-want +got):\n%s", diff)
	}
	if *w.record.Object != before || *w.decision != decision || w.record.Quarantined {
		t.Errorf("the row is %+v, the decision %+v", w.record, w.decision)
	}
	if w.updates[0].Facts.From != "+15550199" {
		t.Errorf("the call's row is %+v", w.updates[0])
	}
}

func TestQuarantineSurvivesALostDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record = &schema.RecordingRecord{Quarantined: true}
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	w.forget()
	w.media = gone
	if err := w.replay(t, processed(), false); err != nil || !w.record.Quarantined || len(w.published) > 0 {
		t.Errorf("%v; the row is %+v, published %v", err, w.record, w.published)
	}
}

func TestOnlyAProvenCopyRestores(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, w *world){
		"damaged audio": func(t *testing.T, w *world) { w.put(t, audioKey, bytes.Repeat([]byte("x"), int(w.record.Object.Size))) },
		"no audio":      func(t *testing.T, w *world) { w.drop(t, audioKey) },
		"no facts":      func(t *testing.T, w *world) { w.drop(t, factsKey) },
		"broken facts":  func(t *testing.T, w *world) { w.put(t, factsKey, []byte("{")) },
		"facts of another organization": func(t *testing.T, w *world) {
			w.put(t, factsKey, bytes.ReplaceAll(w.stored(t, factsKey), []byte(`"organization_id": "org-1"`), []byte(`"organization_id": "org-2"`)))
		},
		"facts of another recording": func(t *testing.T, w *world) {
			w.put(t, factsKey, bytes.ReplaceAll(w.stored(t, factsKey), []byte(sid), []byte("RE"+strings.Repeat("0", 32))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			spoil(t, w)
			w.forget()
			w.known = true // the replay of calls came first
			err := w.replay(t, processed(), false)
			if streamtest.VerdictOf(err).Kind != stream.KindTerminal || schema.CodeOf(err) != schema.NotFound {
				t.Errorf("got %v, want a clear end", err)
			}
			if w.record.Object != nil || w.record.Status != schema.RecordingCompleted {
				t.Errorf("the row is %+v: that Twilio has no audio says nothing in a replay", w.record)
			}
			w.media = func() (schema.Media, error) { return audio(mp3test.Silence(seconds*time.Second, 1)), nil }
			if err := w.replay(t, processed(), false); err != nil || w.record.Object == nil {
				t.Errorf("with the audio at Twilio: %v", err)
			}
		})
	}
}

func TestAReplayLeavesWhatIsArchived(t *testing.T) {
	t.Parallel()
	w := archived(t)
	before := *w.record
	absent := processed()
	absent.Recording.Status = schema.RecordingAbsent
	for _, force := range []bool{false, true} {
		for _, event := range []schema.RecordingProcessed{processed(), absent} {
			if err := w.replay(t, event, force); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(before, *w.record); diff != "" {
		t.Errorf("the row (-before +after):\n%s", diff)
	}
	for _, step := range w.log {
		if step != "verify" && !strings.HasPrefix(step, "publish ") {
			t.Errorf("it did more than to look: %v", w.log)
		}
	}
}

func TestAForcedReplayMovesCopiesToANewBucket(t *testing.T) {
	t.Parallel()
	w := archived(t)
	old, content := *w.record.Object, w.stored(t, audioKey)
	w.earlier = w.bucket
	w.bucket = s3test.New(t)
	w.objects = w.bucket
	if err := w.replay(t, processed(), true); err != nil {
		t.Fatal(err)
	}
	now := *w.record.Object
	if now.URL == old.URL || now.Key != old.Key || now.SHA256 != old.SHA256 || !bytes.Equal(w.stored(t, audioKey), content) {
		t.Errorf("from %+v to %+v", old, now)
	}
	if !bytes.Contains(w.stored(t, factsKey), []byte(now.URL)) {
		t.Error("the facts beside it speak of another copy")
	}
	if i := slices.Index(w.log, "replace"); i < 0 || !slices.Contains(w.log[:i], "verify") {
		t.Errorf("replaced before the proof: %v", w.log)
	}
}

func TestADamagedCopyIsFetchedAgain(t *testing.T) {
	t.Parallel()
	w := archived(t)
	whole := w.stored(t, audioKey)
	w.put(t, audioKey, whole[:len(whole)/2])
	w.media = func() (schema.Media, error) { return audio(whole), nil }
	if err := w.replay(t, processed(), true); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(w.stored(t, audioKey), whole) {
		t.Error("the copy is still damaged")
	}
	if w.stored(t, strings.TrimSuffix(audioKey, ".mp3")+".again.mp3") != nil {
		t.Error("audio lies about beside it")
	}
}

// TestWhatCannotBeArchivedAgainStaysAsItIs spoils every source of the audio.
func TestWhatCannotBeArchivedAgainStaysAsItIs(t *testing.T) {
	t.Parallel()
	short := mp3test.Silence(seconds*time.Second/2, 1)
	for name, media := range map[string]func() (schema.Media, error){
		"gone":  gone,
		"short": func() (schema.Media, error) { return audio(short), nil },
		"page": func() (schema.Media, error) {
			return schema.Media{Body: io.NopCloser(strings.NewReader("<html>")), Size: 6, ContentType: "text/html"}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := archived(t)
			damaged := append(w.stored(t, audioKey)[1:], 'x')
			w.put(t, audioKey, damaged) // all there is
			w.media = media
			before := *w.record
			err := w.replay(t, processed(), true)
			if streamtest.VerdictOf(err).Kind != stream.KindTerminal || !strings.Contains(err.Error(), before.Object.URL) {
				t.Errorf("got %v, want a clear end that names the copy", err)
			}
			if diff := cmp.Diff(before, *w.record); diff != "" || !bytes.Equal(w.stored(t, audioKey), damaged) {
				t.Errorf("the row or the copy changed:\n%s", diff)
			}
		})
	}
}

func TestAnOutageIsNoVerdictOnACopy(t *testing.T) {
	t.Parallel()
	w := archived(t)
	w.put(t, audioKey, []byte("damaged"))
	w.media = func() (schema.Media, error) {
		return schema.Media{}, schema.Errorf(schema.Unavailable, "Twilio is away")
	}
	if err := w.replay(t, processed(), true); schema.CodeOf(err) != schema.Unavailable || streamtest.VerdictOf(err).Kind == stream.KindTerminal {
		t.Errorf("got %v, want to be tried again", err)
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	absent := processed()
	absent.Recording.Status = schema.RecordingAbsent
	for name, c := range map[string]struct {
		event  schema.RecordingProcessed
		stored bool
		force  bool
		want   string
	}{
		"new":              {processed(), false, false, "would archive it, from the bucket"},
		"new, forced":      {processed(), false, true, "would archive it, from the bucket"},
		"archived":         {processed(), true, false, ""},
		"archived, forced": {processed(), true, true, "would archive it again"},
		"absent":           {absent, false, false, "would store it as absent"},
		"absent, archived": {absent, true, false, ""},
	} {
		w := newWorld(t)
		if c.stored {
			w = archived(t)
		}
		plan, err := w.consumer().Plan(t.Context(), delivery(c.event, c.force))
		if err != nil || !strings.HasPrefix(plan.Change, c.want) || (c.want == "") != (plan.Change == "") || plan.RecordingSID != sid {
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
		if len(w.log) > 0 {
			t.Errorf("%s: a plan did something: %v", name, w.log)
		}
	}
}

// put puts content at key behind the archiver's back.
func (w *world) put(t *testing.T, key string, content []byte) {
	t.Helper()
	if _, err := w.bucket.Put(t.Context(), key, bytes.NewReader(content), int64(len(content)), "audio/mpeg"); err != nil {
		t.Fatal(err)
	}
}

func (w *world) drop(t *testing.T, key string) {
	t.Helper()
	if err := w.bucket.Remove(t.Context(), key); err != nil {
		t.Fatal(err)
	}
}
