package archiver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

func TestTheMarkerComesAfterTheProofAndBeforeTheNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	want := []string{"store completed", "download", "put .mp3", "verify", "put .json", "mark", "publish recording.archived:" + sid}
	if diff := cmp.Diff(want, w.log); diff != "" {
		t.Errorf("order of steps (-want +got):\n%s", diff)
	}
	if !bytes.Equal(w.stored(t, audioKey), mp3test.Silence(seconds*time.Second, 1)) {
		t.Errorf("%s is not the recording", audioKey)
	}
	archived, ok := w.published[0].(schema.RecordingArchived)
	if !ok || archived.Object != *w.record.Object || archived.Recording.CallSID != callSID || archived.Origin != schema.OriginPipeline || archived.OrganizationID != orgID {
		t.Errorf("published %+v", w.published[0])
	}
	if len(w.timeline) != 1 || w.timeline[0].Sequence != 7 || w.timeline[0].CallSID != callSID {
		t.Errorf("timeline is %+v", w.timeline)
	}
}

func TestTheBucketAloneSaysWhatARecordingIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.handle(t, processed(), 1); err != nil {
		t.Fatal(err)
	}
	var facts struct {
		OrganizationID string `json:"organization_id"`
		Direction      string
		Call           schema.CallFacts
		Recording      schema.RecordingFacts
		Object         schema.Object
	}
	if err := json.Unmarshal(w.stored(t, factsKey), &facts); err != nil {
		t.Fatal(err)
	}
	if facts.OrganizationID != orgID || facts.Direction != "inbound" || facts.Call.From != "+15550199" || facts.Recording.RecordingSID != sid || facts.Object != *w.record.Object {
		t.Errorf("beside the audio stands %+v", facts)
	}
}

func TestWhatIsNotTheRecordingIsNeverStored(t *testing.T) {
	t.Parallel()
	whole := mp3test.Silence(seconds*time.Second, 1)
	page := "<html><body>502 Bad Gateway</body></html>"
	cases := map[string]schema.Media{
		"error page":                 {Body: body(page), Size: int64(len(page)), ContentType: "text/html"},
		"error page called audio":    {Body: body(page), Size: int64(len(page)), ContentType: "audio/mpeg"},
		"nothing":                    {Body: body(""), Size: 0, ContentType: "audio/mpeg"},
		"less than announced":        {Body: body(string(whole[:len(whole)-1])), Size: int64(len(whole)), ContentType: "audio/mpeg"},
		"more than announced":        {Body: body(string(whole) + "x"), Size: int64(len(whole)), ContentType: "audio/mpeg"},
		"half, of unannounced size":  {Body: body(string(whole[:len(whole)/2])), Size: -1, ContentType: "audio/mpeg"},
		"half, announced as such":    audio(whole[:len(whole)/2]),
		"a page behind some seconds": audio(append(bytes.Clone(whole[:len(whole)/4]), bytes.Repeat([]byte(page), 800)...)),
	}
	for name, media := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.media = func() (schema.Media, error) { return media, nil }
			err := w.handle(t, processed(), 1)
			if schema.CodeOf(err) != schema.Corrupt || streamtest.VerdictOf(err).Kind == stream.KindTerminal {
				t.Errorf("got %v, want corrupt, to be tried again", err)
			}
			if w.stored(t, audioKey) != nil {
				t.Error("it stays in the bucket")
			}
			if w.record.Object != nil || len(w.published) > 0 {
				t.Error("it passes for archived")
			}
			// What comes whole at last is archived.
			w.media = func() (schema.Media, error) { return audio(whole), nil }
			if err := w.handle(t, processed(), 2); err != nil || w.record.Object == nil {
				t.Errorf("the next attempt: %v", err)
			}
		})
	}
}

func TestWhatIsNotAudioIsRefusedWhateverItsLength(t *testing.T) {
	t.Parallel()
	page, whole := "<html>It works!</html>", string(mp3test.Silence(seconds*time.Second, 1))
	for name, media := range map[string]schema.Media{
		"a page called audio": {Body: body(page), Size: int64(len(page)), ContentType: "audio/mpeg"},
		"audio called a page": {Body: body(whole), Size: int64(len(whole)), ContentType: "text/html"},
	} {
		w, event := newWorld(t), processed()
		event.Recording.Duration = nil // nothing is known of it
		w.media = func() (schema.Media, error) { return media, nil }
		if err := w.handle(t, event, 1); schema.CodeOf(err) != schema.Corrupt || w.stored(t, audioKey) != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestABrokenTransferIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := schema.Errorf(schema.Unavailable, "connection reset")
	w.media = func() (schema.Media, error) {
		whole := mp3test.Silence(seconds*time.Second, 1)
		return schema.Media{Body: io.NopCloser(io.MultiReader(bytes.NewReader(whole[:9999]), failing{broken})), Size: int64(len(whole)), ContentType: "audio/mpeg"}, nil
	}
	if err := w.handle(t, processed(), 1); !errors.Is(err, broken) {
		t.Errorf("got %v, want the broken connection", err)
	}
	if w.stored(t, audioKey) != nil {
		t.Error("a part of the recording stays in the bucket")
	}
}

func TestDurationsMayDifferByRounding(t *testing.T) {
	t.Parallel()
	for length, ok := range map[time.Duration]bool{
		100 * time.Second: true, 91 * time.Second: true, 120 * time.Second: true, 89 * time.Second: false, 0: false,
	} {
		w, event := newWorld(t), processed()
		claimed := 100
		event.Recording.Duration = &claimed
		w.media = func() (schema.Media, error) { return audio(mp3test.Silence(length, 2)), nil }
		if err := w.handle(t, event, 1); (err == nil) != ok {
			t.Errorf("%s of a claimed 100 s: %v", length, err)
		}
	}
}

func TestWhatTheBucketDoesNotHoldIsNotMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.objects = forgetful{w.bucket}
	if err := w.handle(t, processed(), 1); schema.CodeOf(err) != schema.Corrupt {
		t.Errorf("got %v, want corrupt: the proof failed", err)
	}
	if w.record.Object != nil || len(w.published) > 0 {
		t.Error("an unproven copy passes for archived")
	}
}

func TestWhatIsArchivedIsToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	crash := errors.New("the process dies")
	w.publish = func(schema.Event) error { return crash }
	if err := w.handle(t, processed(), 1); !errors.Is(err, crash) {
		t.Fatalf("got %v", err)
	}
	w.publish = func(schema.Event) error { return nil }
	w.log = nil
	if err := w.handle(t, processed(), 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"publish recording.archived:" + sid}, w.log); diff != "" {
		t.Errorf("the next attempt (-want +got):\n%s", diff)
	}
	archived := w.published[0].(schema.RecordingArchived)
	if archived.Object != *w.record.Object {
		t.Errorf("published %+v", archived)
	}
}

func TestRecordingsThatAreNotThereAreStoredAsSuch(t *testing.T) {
	t.Parallel()
	for _, status := range []schema.RecordingStatus{schema.RecordingAbsent, schema.RecordingFailed} {
		w, event := newWorld(t), processed()
		w.known = false
		w.call = func() (schema.CallFacts, error) { return schema.CallFacts{CallSID: callSID}, nil }
		event.Recording.Status, event.Recording.Duration, event.Recording.ErrorCode = status, nil, 16101
		if err := w.handle(t, event, 1); err != nil {
			t.Fatal(err)
		}
		if w.record.Status != status || w.record.Object != nil || len(w.published) > 0 || !w.known {
			t.Errorf("%s: stored %+v", status, w.record)
		}
		if !strings.Contains(w.timeline[0].Detail, "16101") {
			t.Errorf("%s: the timeline says %q", status, w.timeline[0].Detail)
		}
	}
}

func TestOneWorkerCopiesAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.held = true
	if got := streamtest.VerdictOf(w.handle(t, processed(), 1)); got.Kind != stream.KindSnooze {
		t.Errorf("got %+v, want a snooze", got)
	}
	if len(w.log) > 0 {
		t.Errorf("worked without the lease: %v", w.log)
	}
}

func TestAnAccountThatIsGoneIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account = func() (schema.Account, error) {
		return schema.Account{}, schema.Errorf(schema.NotFound, "none")
	}
	err := w.handle(t, processed(), 1)
	if streamtest.VerdictOf(err).Kind != stream.KindTerminal || schema.CodeOf(err) != schema.Refused {
		t.Errorf("got %v, want a refusal for the dead letters", err)
	}
	w.account = func() (schema.Account, error) {
		return schema.Account{}, schema.Errorf(schema.Unavailable, "database away")
	}
	if err := w.handle(t, processed(), 1); streamtest.VerdictOf(err).Kind == stream.KindTerminal {
		t.Errorf("got %v: an outage is no refusal", err)
	}
}

func TestOnlySIDsBecomeAddresses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*schema.RecordingProcessed){
		"recording": func(e *schema.RecordingProcessed) { e.Recording.RecordingSID = "RE../../" + sid },
		"call":      func(e *schema.RecordingProcessed) { e.Recording.CallSID = "../" + callSID },
		"account":   func(e *schema.RecordingProcessed) { e.AccountSID = "evil.example.com/" },
	} {
		w, event := newWorld(t), processed()
		change(&event)
		if got := streamtest.VerdictOf(w.handle(t, event, 1)); got.Kind != stream.KindTerminal || len(w.log) > 0 {
			t.Errorf("%s: got %+v after %v", name, got, w.log)
		}
	}
}

// body is a body with the given text.
func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// failing is a reader that breaks.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
