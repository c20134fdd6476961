package reaper_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/consumers/reaper"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

var (
	accountSID = "AC" + strings.Repeat("a", 32)
	callSID    = "CA" + strings.Repeat("1", 32)
	sid        = "RE" + strings.Repeat("f", 32)
	now        = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// world is everything around the reaper, in memory, with answers that a test
// sets.
type world struct {
	account  schema.Account
	record   schema.RecordingRecord
	skipped  bool // the event says that transcription is off
	remove   func() (alreadyGone bool, err error)
	save     func() error
	held     bool
	deletes  int
	warnings int
	timeline []schema.TimelineEntry
}

// newWorld is one in which everything permits the deletion.
func newWorld() *world {
	return &world{
		account: schema.Account{AccountSID: accountSID, OrganizationID: "org-1", Delete: schema.DeleteArchived},
		record: schema.RecordingRecord{
			RecordingFacts: schema.RecordingFacts{RecordingSID: sid, CallSID: callSID},
			Object:         &schema.Object{Key: "key.mp3", Size: 5, SHA256: "abc"},
			ArchivedAt:     &now,
			Transcript:     &schema.Transcript{Text: "words"},
		},
		remove: func() (bool, error) { return false, nil },
		save:   func() error { return nil },
	}
}

func (w *world) AccountBySID(context.Context, string) (schema.Account, error) {
	if w.account.AccountSID == "" {
		return schema.Account{}, schema.Errorf(schema.NotFound, "none")
	}
	return w.account, nil
}

func (w *world) Recording(context.Context, string) (schema.RecordingRecord, error) {
	return w.record, nil
}

func (w *world) SaveDeletion(_ context.Context, r schema.DeletionReceipt) error {
	if err := w.save(); err != nil {
		return err
	}
	w.record.Receipt = &r
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

func (w *world) DeleteRecording(_ context.Context, _ schema.Account, recordingSID string) (bool, error) {
	if recordingSID != sid {
		return false, schema.Errorf(schema.Invalid, "deletes %s", recordingSID)
	}
	w.deletes++
	return w.remove()
}

// Enabled, Handle, WithAttrs and WithGroup make the world a log handler that
// counts warnings.
func (w *world) Enabled(context.Context, slog.Level) bool { return true }

func (w *world) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		w.warnings++
	}
	return nil
}
func (w *world) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *world) WithGroup(string) slog.Handler      { return w }

func (w *world) config() reaper.Config {
	return reaper.Config{Accounts: w, Recordings: w, Leases: w, Twilio: w, Now: func() time.Time { return now }, Logger: slog.New(w)}
}

// handle has the reaper handle the news of the transcribed recording.
func (w *world) handle(t *testing.T) error { t.Helper(); return w.handleBy(t, w.config()) }

func (w *world) handleBy(t *testing.T, config reaper.Config) error {
	t.Helper()
	event := schema.RecordingTranscribed{Header: schema.Header{AccountSID: accountSID}, Recording: w.record.RecordingFacts, Skipped: w.skipped}
	ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 9, Attempt: 1})
	return reaper.New(config).Handle(ctx, event)
}

func TestDeletionLeavesAReceipt(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		w := newWorld()
		w.remove = func() (bool, error) { return gone, nil }
		if err := w.handle(t); err != nil {
			t.Fatal(err)
		}
		want := &schema.DeletionReceipt{RecordingSID: sid, CallSID: callSID, AlreadyGone: gone, Object: *w.record.Object, DeletedAt: now}
		if diff := cmp.Diff(want, w.record.Receipt); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
		if len(w.timeline) != 1 || w.timeline[0].Sequence != 9 {
			t.Errorf("timeline is %+v", w.timeline)
		}
	}
}

func TestWhatStaysAtTwilio(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*world)
		stays  bool
	}{
		"archived and transcribed":     {func(*world) {}, false},
		"transcription is off":         {func(w *world) { w.record.Transcript, w.skipped = nil, true }, false},
		"own, where own may go":        {func(w *world) { w.account.Delete, w.record.Own = schema.DeleteOwn, true }, false},
		"another's, where own may go":  {func(w *world) { w.account.Delete = schema.DeleteOwn }, true},
		"no copy":                      {func(w *world) { w.record.Object = nil }, true},
		"copy not committed":           {func(w *world) { w.record.ArchivedAt = nil }, true},
		"no transcript":                {func(w *world) { w.record.Transcript = nil }, true},
		"quarantined":                  {func(w *world) { w.record.Quarantined = true }, true},
		"where nothing may go":         {func(w *world) { w.account.Delete, w.record.Own = schema.DeleteNever, true }, true},
		"policy that nobody knows":     {func(w *world) { w.account.Delete = "someday" }, true},
		"no policy":                    {func(w *world) { w.account.Delete = "" }, true},
		"deleted before, with receipt": {func(w *world) { w.record.Receipt = &schema.DeletionReceipt{} }, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			c.change(w)
			if err := w.handle(t); err != nil {
				t.Fatal(err)
			}
			if (w.deletes == 0) != c.stays {
				t.Errorf("%d deletions", w.deletes)
			}
			if len(w.timeline) != 1 || w.timeline[0].Detail == "" {
				t.Errorf("the timeline does not say why: %+v", w.timeline)
			}
		})
	}
}

func TestAFailedDeletionIsAWarningAndTriedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []schema.Code{schema.Unavailable, schema.RateLimited, schema.Unauthorized, schema.Refused, schema.Internal} {
		w := newWorld()
		w.remove = func() (bool, error) { return false, schema.Errorf(code, "Twilio's words") }
		err := w.handle(t)
		if schema.CodeOf(err) != code || streamtest.VerdictOf(err).Kind == stream.KindTerminal || w.warnings != 1 || w.record.Receipt != nil {
			t.Errorf("%s: got %v, %d warnings", code, err, w.warnings)
		}
	}
}

func TestACrashBetweenDeletionAndReceiptHeals(t *testing.T) {
	t.Parallel()
	w := newWorld()
	crash := errors.New("the process dies")
	w.save = func() error { return crash }
	if err := w.handle(t); !errors.Is(err, crash) {
		t.Fatalf("got %v", err)
	}
	w.save = func() error { return nil }
	w.remove = func() (bool, error) { return true, nil } // gone, by ourselves
	if err := w.handle(t); err != nil || w.record.Receipt == nil {
		t.Errorf("the next attempt: %v, receipt %+v", err, w.record.Receipt)
	}
}

func TestWithoutPermissionNothingIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld()
	config := w.config()
	config.Twilio = nil
	if err := w.handleBy(t, config); err != nil || w.deletes > 0 || w.record.Receipt != nil {
		t.Errorf("got %v, %d deletions", err, w.deletes)
	}
}

func TestOneWorkerDeletesAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.held = true
	if got := streamtest.VerdictOf(w.handle(t)); got.Kind != stream.KindSnooze || w.deletes > 0 {
		t.Errorf("got %+v, %d deletions", got, w.deletes)
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
