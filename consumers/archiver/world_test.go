package archiver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers/archiver"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// The SIDs that the tests speak of, and where the recording's copy belongs.
var (
	accountSID = "AC" + strings.Repeat("a", 32)
	callSID    = "CA" + strings.Repeat("1", 32)
	sid        = "RE" + strings.Repeat("f", 32)
	startedAt  = time.Date(2026, 5, 4, 23, 59, 58, 0, time.FixedZone("", -7*3600)) // the day after, in UTC
	audioKey   = orgID + "/2026/05/05/" + callSID + "/" + sid + ".mp3"
	factsKey   = orgID + "/2026/05/05/" + callSID + "/" + sid + ".json"
)

const (
	orgID   = "org-1"
	seconds = 12 // the recording's length
)

// world is everything around the archiver: a real bucket, a store in memory,
// and a Twilio whose answers a test sets.
type world struct {
	bucket  *s3.Store
	objects interface { // the bucket, or what a test puts before it
		Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error)
		Verify(ctx context.Context, o schema.Object) error
		Remove(ctx context.Context, key string) error
	}
	earlier  *s3.Store // the bucket before this one; nil: there is none
	account  func() (schema.Account, error)
	call     func() (schema.CallFacts, error)
	resource func() (schema.RecordingFacts, error)
	media    func() (schema.Media, error)
	publish  func(schema.Event) error
	held     bool

	log       []string // what happened, in order
	known     bool     // the call has a row
	updates   []schema.CallUpdate
	decision  *schema.Decision
	record    *schema.RecordingRecord
	published []schema.Event
	timeline  []schema.TimelineEntry
}

// newWorld is one in which the call is known and the audio is there.
func newWorld(t testing.TB) *world {
	t.Helper()
	bucket := s3test.New(t)
	return &world{
		bucket: bucket, objects: bucket, known: true,
		account: func() (schema.Account, error) {
			return schema.Account{AccountSID: accountSID, OrganizationID: orgID, RecordingEnabled: true, Unexpected: schema.UnexpectedProcess}, nil
		},
		media:    func() (schema.Media, error) { return audio(mp3test.Silence(seconds*time.Second, 1)), nil },
		resource: func() (schema.RecordingFacts, error) { return processed().Recording, nil },
		publish:  func(schema.Event) error { return nil },
	}
}

// audio is media that is what it says.
func audio(content []byte) schema.Media {
	return schema.Media{Body: io.NopCloser(bytes.NewReader(content)), Size: int64(len(content)), ContentType: "audio/mpeg"}
}

func (w *world) note(what string) { w.log = append(w.log, what) }

func (w *world) AccountBySID(context.Context, string) (schema.Account, error) { return w.account() }

func (w *world) ResolvePhoneAndDirection(_ context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error) {
	return slices.Repeat([]schema.Resolution{{AccountOrg: orgID, Direction: schema.Inbound}}, len(queries)), nil
}

func (w *world) CallStatus(_ context.Context, sid string) (schema.CallStatus, error) {
	if !w.known {
		return "", schema.Errorf(schema.NotFound, "no call %s", sid)
	}
	return schema.StatusCompleted, nil
}

func (w *world) MergeCalls(_ context.Context, updates []schema.CallUpdate) ([]bool, error) {
	w.note("create call")
	w.updates, w.known = append(w.updates, updates...), true
	return slices.Repeat([]bool{true}, len(updates)), nil
}

func (w *world) CallRecord(context.Context, string, string) (schema.CallRecord, error) {
	return schema.CallRecord{
		CallFacts: schema.CallFacts{CallSID: callSID, From: "+15550199"}, OrganizationID: orgID, Direction: schema.Inbound, Decision: w.decision,
	}, nil
}

func (w *world) Recording(_ context.Context, sid string) (schema.RecordingRecord, error) {
	if w.record == nil {
		return schema.RecordingRecord{}, schema.Errorf(schema.NotFound, "no recording %s", sid)
	}
	return *w.record, nil
}

func (w *world) SaveRecording(_ context.Context, _, _ string, f schema.RecordingFacts, quarantined bool) error {
	w.note("store " + string(f.Status))
	w.record = &schema.RecordingRecord{RecordingFacts: f, Quarantined: quarantined}
	return nil
}

func (w *world) MarkArchived(_ context.Context, _ string, o schema.Object) error {
	w.note("mark")
	w.record.Object = &o
	return nil
}

func (w *world) Decision(context.Context, string) (schema.Decision, error) {
	if w.decision == nil {
		return schema.Decision{}, schema.Errorf(schema.NotFound, "no decision")
	}
	return *w.decision, nil
}

func (w *world) SaveDecision(_ context.Context, _, _ string, d schema.Decision) (schema.Decision, error) {
	w.note("restore decision")
	w.decision = &d
	return d, nil
}

func (w *world) Rearchive(_ context.Context, _ string, o schema.Object) error {
	w.note("replace")
	w.record.Object = &o
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

func (w *world) FetchCall(context.Context, schema.Account, string) (schema.CallFacts, error) {
	w.note("fetch call")
	return w.call()
}

func (w *world) FetchRecording(context.Context, schema.Account, string) (schema.RecordingFacts, error) {
	w.note("fetch recording")
	return w.resource()
}

func (w *world) DownloadMedia(context.Context, schema.Account, string) (schema.Media, error) {
	w.note("download")
	return w.media()
}

func (w *world) Publish(_ context.Context, events ...schema.Event) error {
	for _, e := range events {
		if err := w.publish(e); err != nil {
			return err
		}
		w.note("publish " + e.MsgID())
		w.published = append(w.published, e)
	}
	return nil
}

func (w *world) Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error) {
	o, err := w.objects.Put(ctx, key, body, size, contentType)
	if err == nil {
		w.note("put " + key[strings.LastIndexByte(key, '.'):])
	}
	return o, err
}

func (w *world) Verify(ctx context.Context, o schema.Object) error {
	w.note("verify")
	return w.objects.Verify(ctx, o)
}

func (w *world) Remove(ctx context.Context, key string) error {
	w.note("remove")
	return w.objects.Remove(ctx, key)
}

func (w *world) consumer() *archiver.Consumer {
	config := archiver.Config{
		Accounts: w, Calls: w, Recordings: w, History: w, Leases: w, Twilio: w, Objects: w, Publisher: w,
		Copies: w.bucket, Restore: w,
		Now:    func() time.Time { return startedAt.Add(time.Minute) },
		Logger: slog.New(slog.DiscardHandler),
	}
	if w.earlier != nil {
		config.Earlier = w.earlier
	}
	return archiver.New(config)
}

// replay has the archiver handle the event from history.
func (w *world) replay(t *testing.T, event schema.RecordingProcessed, force bool) error {
	t.Helper()
	return w.consumer().Handle(stream.WithDelivery(t.Context(), delivery(event, force)), event)
}

func delivery(event schema.RecordingProcessed, force bool) stream.Delivery {
	return stream.Delivery{
		Event: event, Sequence: 7, StoredAt: startedAt, Attempt: 1, Redelivered: true,
		Replay: stream.Replaying{Active: true, Force: force},
	}
}

// handle has the archiver handle the event, as the attempt-th delivery.
func (w *world) handle(t *testing.T, event schema.RecordingProcessed, attempt int) error {
	t.Helper()
	ctx := stream.WithDelivery(t.Context(), stream.Delivery{Event: event, Sequence: 7, StoredAt: startedAt, Attempt: attempt, Redelivered: attempt > 1})
	return w.consumer().Handle(ctx, event)
}

// stored returns the object's bytes, or nil when there is none.
func (w *world) stored(t *testing.T, key string) []byte {
	t.Helper()
	body, _, err := w.bucket.Get(t.Context(), key)
	if schema.CodeOf(err) == schema.NotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// processed is the news of a finished recording by the call's own TwiML.
func processed() schema.RecordingProcessed {
	length, started := seconds, startedAt
	return schema.RecordingProcessed{
		Header: schema.Header{AccountSID: accountSID, OrganizationID: orgID, OccurredAt: startedAt.Add(seconds * time.Second), Origin: schema.OriginCallback},
		Recording: schema.RecordingFacts{
			RecordingSID: sid, CallSID: callSID, Status: schema.RecordingCompleted, Source: "DialVerb", Duration: &length, StartedAt: &started,
		},
	}
}
