package transcriber_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers/transcriber"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

var (
	accountSID = "AC" + strings.Repeat("a", 32)
	callSID    = "CA" + strings.Repeat("1", 32)
	sid        = "RE" + strings.Repeat("f", 32)
	archivedAt = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// world is everything around the transcriber, in memory, with answers that a
// test sets.
type world struct {
	account schema.Account
	record  schema.RecordingRecord
	listen  func(audio string) (schema.Transcript, error)
	publish func() error
	audio   func() io.Reader
	held    bool

	log       []string // what happened, in order
	published []schema.RecordingTranscribed
	timeline  []schema.TimelineEntry
}

func newWorld() *world {
	return &world{
		account: schema.Account{AccountSID: accountSID, OrganizationID: "org-1", TranscriptionEnabled: true},
		record: schema.RecordingRecord{
			RecordingFacts: schema.RecordingFacts{RecordingSID: sid, CallSID: callSID},
			Object:         &schema.Object{Key: "key.mp3", Size: 5},
		},
		listen: func(audio string) (schema.Transcript, error) {
			return schema.Transcript{Text: "heard " + audio, Model: "m", Duration: 3}, nil
		},
		publish: func() error { return nil },
		audio:   func() io.Reader { return strings.NewReader("audio") },
	}
}

func (w *world) note(what string) { w.log = append(w.log, what) }

func (w *world) AccountBySID(context.Context, string) (schema.Account, error) {
	if w.account.AccountSID == "" {
		return schema.Account{}, schema.Errorf(schema.NotFound, "none")
	}
	return w.account, nil
}

func (w *world) Recording(context.Context, string) (schema.RecordingRecord, error) {
	return w.record, nil
}

func (w *world) SaveTranscript(_ context.Context, _ string, t schema.Transcript) error {
	w.note("store")
	w.record.Transcript = &t
	return nil
}

func (w *world) AddTimeline(_ context.Context, entries ...schema.TimelineEntry) error {
	w.timeline = append(w.timeline, entries...)
	return nil
}

func (w *world) AcquireLease(context.Context, string, time.Duration) (string, error) {
	if w.held {
		return "", schema.Errorf(schema.Conflict, "held")
	}
	return "token", nil
}

func (w *world) RenewLease(context.Context, string, string, time.Duration) error { return nil }
func (w *world) ReleaseLease(context.Context, string, string) error              { return nil }

func (w *world) Get(_ context.Context, key string) (io.ReadCloser, int64, error) {
	w.note("get " + key)
	return io.NopCloser(w.audio()), w.record.Object.Size, nil
}

func (w *world) Transcribe(_ context.Context, audio io.Reader, _ int64) (schema.Transcript, error) {
	w.note("transcribe")
	content, err := io.ReadAll(audio)
	if err != nil {
		return schema.Transcript{}, err
	}
	return w.listen(string(content))
}

func (w *world) Publish(_ context.Context, events ...schema.Event) error {
	if err := w.publish(); err != nil {
		return err
	}
	for _, e := range events {
		w.note("publish")
		w.published = append(w.published, e.(schema.RecordingTranscribed))
	}
	return nil
}

func (w *world) consumer() *transcriber.Consumer {
	return transcriber.New(transcriber.Config{
		Accounts: w, Recordings: w, Leases: w, Objects: w, Whisper: w, Publisher: w,
		Now:    func() time.Time { return archivedAt },
		Logger: slog.New(slog.DiscardHandler),
	})
}

// delivery is the news of the archived recording.
func (w *world) delivery() stream.Delivery {
	event := schema.RecordingArchived{
		Header:    schema.Header{AccountSID: accountSID, OccurredAt: archivedAt},
		Recording: w.record.RecordingFacts,
		Object:    schema.Object{Key: "what the event says", Size: 1},
	}
	return stream.Delivery{Event: event, Sequence: 8, StoredAt: archivedAt, Attempt: 1}
}

// handle has the transcriber handle the news of the archived recording.
func (w *world) handle(t *testing.T) error { t.Helper(); return w.handleAs(t, w.delivery()) }

func (w *world) handleAs(t *testing.T, d stream.Delivery) error {
	t.Helper()
	return w.consumer().Handle(stream.WithDelivery(t.Context(), d), d.Event.(schema.RecordingArchived))
}

func TestTheTranscriptIsStoredBeforeItsNews(t *testing.T) {
	t.Parallel()
	w := newWorld()
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"get key.mp3", "transcribe", "store", "publish"}, w.log); diff != "" {
		t.Errorf("order of steps (-want +got):\n%s", diff)
	}
	if w.record.Transcript.Text != "heard audio" {
		t.Errorf("stored %+v", w.record.Transcript)
	}
	e := w.published[0]
	if e.Skipped || e.Recording.RecordingSID != sid || e.AccountSID != accountSID || e.OrganizationID != "org-1" || e.Origin != schema.OriginPipeline {
		t.Errorf("published %+v", e)
	}
	if len(w.timeline) != 1 || w.timeline[0].Sequence != 8 || strings.Contains(w.timeline[0].Detail, "heard") {
		t.Errorf("timeline is %+v", w.timeline)
	}
}

func TestWhatIsTranscribedIsToldAgainAndNotPaidForTwice(t *testing.T) {
	t.Parallel()
	w := newWorld()
	crash := errors.New("the process dies")
	w.publish = func() error { return crash }
	if err := w.handle(t); !errors.Is(err, crash) {
		t.Fatalf("got %v", err)
	}
	w.log, w.publish = nil, func() error { return nil }
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"publish"}, w.log); diff != "" || w.published[0].Skipped {
		t.Errorf("the next attempt (-want +got):\n%s", diff)
	}
}

func TestSwitchedOffIsSkippedAndSaidSo(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.account.TranscriptionEnabled = false
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	if len(w.log) != 1 || !w.published[0].Skipped {
		t.Errorf("did %v, published %+v", w.log, w.published)
	}
}

func TestNobodyHearsWhatIsQuarantined(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.record.Quarantined = true
	if err := w.handle(t); err != nil {
		t.Fatal(err)
	}
	if len(w.log) > 0 {
		t.Errorf("did %v", w.log)
	}
}

func TestWhatTheServiceAnswers(t *testing.T) {
	t.Parallel()
	for code, dead := range map[schema.Code]bool{
		schema.Refused: true, // this audio, for good
		// An operator mends these; the audio waits.
		schema.Unauthorized: false, schema.Invalid: false, schema.Forbidden: false,
		schema.RateLimited: false, schema.Unavailable: false, schema.Internal: false,
	} {
		w := newWorld()
		w.listen = func(string) (schema.Transcript, error) {
			return schema.Transcript{}, schema.Errorf(code, "the service's words")
		}
		err := w.handle(t)
		if (streamtest.VerdictOf(err).Kind == stream.KindTerminal) != dead || schema.CodeOf(err) != code {
			t.Errorf("%s: got %v", code, err)
		}
		if w.record.Object == nil || w.record.Transcript != nil || len(w.published) > 0 {
			t.Errorf("%s: left %+v", code, w.record)
		}
	}
}

func TestOneWorkerTranscribesAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.held = true
	if got := streamtest.VerdictOf(w.handle(t)); got.Kind != stream.KindSnooze || len(w.log) > 0 {
		t.Errorf("got %+v after %v", got, w.log)
	}
}

func TestAnAccountThatIsGoneIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.account = schema.Account{}
	if err := w.handle(t); streamtest.VerdictOf(err).Kind != stream.KindTerminal || schema.CodeOf(err) != schema.Refused {
		t.Errorf("got %v", err)
	}
}

// What the bucket gives instead of the archived copy is not transcribed: cut
// short, of another length than it says, or other audio of the same length.
func TestOnlyTheArchivedCopyIsTranscribed(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("audio"))
	for name, given := range map[string]string{"cut short": "aud", "too long": "audio and more", "other audio": "oidua"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.record.Object.SHA256 = hex.EncodeToString(sum[:])
			w.audio = func() io.Reader { return strings.NewReader(given) }
			err := w.handle(t)
			if schema.CodeOf(err) != schema.Corrupt || w.record.Transcript != nil || len(w.published) > 0 {
				t.Errorf("%v; stored %v, published %v", err, w.record.Transcript, w.published)
			}
			if v := streamtest.VerdictOf(err); v != (stream.Verdict{}) {
				t.Errorf("%+v: the bucket may give the copy the next time", v)
			}
		})
	}
}
