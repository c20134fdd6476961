package consumers_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/pkg/whisper"
	"github.com/loquent/callstream/schema"
)

// TestRebuildFromStream runs faulty calls through the whole pipeline, loses the
// database and builds it anew from the stream and the bucket, while Twilio has
// none of the audio any more. Row by row the new one equals the old one, but for
//
//   - when rows were written and copies were marked (created_at, updated_at,
//     archived_at), and the numbers that Postgres gives rows;
//   - decisions of the recorder on calls of which there is no copy: nothing else
//     keeps them. Those in call.received and beside copies come back;
//   - what the recorder and the reaper added to timelines, and deletion receipts:
//     neither acts in a replay that is not told to;
//   - lines that a call was found by its recording (call.fetched): this time its
//     own events came first; and what Twilio's REST then said of a call without a
//     copy, beside which it would stand.
//
// What no event tells of has to be there before: organizations (under their
// ids, which events and keys name), their settings and numbers, as from a backup.
// Transcripts are made again from the copies.
func TestRebuildFromStream(t *testing.T) {
	t.Parallel()
	p, beyond := simulated(t)
	original, acts := dump(t, p.url), beyond.acts.Load()

	// Over the finished pipeline it changes nothing.
	for _, name := range consumers.Names() {
		if plans := p.plans(t, schema.ReplaySpec{Consumer: name}); len(plans) > 0 {
			t.Errorf("a dry run of %s: %+v", name, plans)
		}
	}
	for _, spec := range everything {
		if _, failures := p.replay(t, spec); len(failures) > 0 {
			t.Errorf("replay of %s: %v", spec.Consumer, failures[0].Err)
		}
	}
	now := dump(t, p.url)
	for table := range tables {
		same(t, table, original[table], now[table])
	}

	r := p.restored(t)
	if plans := r.plans(t, schema.ReplaySpec{Consumer: consumers.Calls}); len(plans) < len(original["call"]) {
		t.Errorf("a dry run names %d changes, and %d rows are to be made", len(plans), len(original["call"]))
	}
	for table, rows := range dump(t, r.url) {
		same(t, table+" after a dry run", nil, rows)
	}
	for _, name := range []string{consumers.Calls, consumers.Messages, consumers.Archiver, consumers.Transcriber} {
		if progress, failures := r.replay(t, schema.ReplaySpec{Consumer: name}); len(failures) > 0 {
			t.Errorf("%s: %s; the first: %v", name, progress, failures[0].Err)
		}
	}
	rebuilt := dump(t, r.url)
	for _, table := range []string{"recording", "transcript", "transcript_segment", "message"} {
		same(t, table, original[table], rebuilt[table])
	}
	asked := func(call string) bool { return fetchedInVain(t, original, call) }
	same(t, "call", original["call"].without(asked), rebuilt["call"].without(asked))
	same(t, "recording_decision", original["recording_decision"].without(func(call string) bool {
		return !p.carried(t, original, call) && rebuilt["recording_decision"][call] == ""
	}), rebuilt["recording_decision"])
	other := func(key string) bool {
		return slices.Contains([]string{"recording.decided", "call.fetched", schema.KindRecordingTranscribed}, strings.Fields(key)[1])
	}
	same(t, "call_event", original["call_event"].without(other), rebuilt["call_event"].without(other))
	if n := len(rebuilt["deletion_receipt"]); n > 0 {
		t.Errorf("%d receipts for what nobody saw deleted", n)
	}
	if now := beyond.acts.Load(); now != acts {
		t.Errorf("Twilio was asked %d times to start or to delete", now-acts)
	}
	t.Logf("%d calls, %d recordings, %d events", len(rebuilt["call"]), len(rebuilt["recording"]), len(rebuilt["call_event"]))
}

// carried reports whether the decision on the call is told by something else
// than the database: an event, or the facts beside a copy, if it was final when
// they were written.
func (p *pipeline) carried(t *testing.T, tables map[string]rows, call string) bool {
	t.Helper()
	for key := range tables["call_event"] {
		if strings.HasPrefix(key, call+" "+schema.KindCallReceived+" ") {
			return true
		}
	}
	return slices.ContainsFunc(copiesOf(t, tables, call), func(key string) bool {
		var facts struct{ Decision *schema.Decision }
		document := p.object(t, &schema.Object{Key: strings.TrimSuffix(key, ".mp3") + ".json"})
		if err := json.Unmarshal(document, &facts); err != nil {
			t.Fatal(err)
		}
		return facts.Decision != nil && facts.Decision.Outcome.Final()
	})
}

// copiesOf returns the keys of the copies of the call's recordings.
func copiesOf(t *testing.T, tables map[string]rows, call string) (keys []string) {
	t.Helper()
	for _, row := range tables["recording"] {
		var recording struct {
			Call string  `json:"call_sid"`
			Key  *string `json:"object_key"`
		}
		if err := json.Unmarshal([]byte(row), &recording); err != nil {
			t.Fatal(err)
		}
		if recording.Call == call && recording.Key != nil {
			keys = append(keys, *recording.Key)
		}
	}
	return keys
}

// fetchedInVain reports whether Twilio was asked about a call for a recording
// that then had no audio.
func fetchedInVain(t *testing.T, tables map[string]rows, call string) bool {
	t.Helper()
	for key := range tables["call_event"] {
		if strings.HasPrefix(key, call+" call.fetched ") {
			return len(copiesOf(t, tables, call)) == 0
		}
	}
	return false
}

// everything replays all consumers; those whose work cannot be undone are
// allowed to act, and find nothing to do.
var everything = []schema.ReplaySpec{
	{Consumer: consumers.Calls}, {Consumer: consumers.Messages}, {Consumer: consumers.Archiver}, {Consumer: consumers.Transcriber},
	{Consumer: consumers.Recorder, AllowSideEffects: []string{schema.SideEffectRecorder}},
	{Consumer: consumers.Reaper, AllowSideEffects: []string{schema.SideEffectReaper}},
}

// simulated runs calls with faults through all consumers, while the recording
// switch goes on, and returns once all is as it should be.
func simulated(t *testing.T) (*pipeline, *beyond) {
	t.Helper()
	p := newPipeline(t)
	base := "https://calls.example.com"
	if err := p.db.AddPhoneNumber(t.Context(), p.account.OrganizationID, answeredNumber); err != nil {
		t.Fatal(err)
	}
	plan := &schema.VoicePlan{Action: schema.VoiceForward, To: "+12025550142"}
	if err := p.db.SetVoicePlan(t.Context(), p.account.OrganizationID, answeredNumber, plan); err != nil {
		t.Fatal(err)
	}
	in, err := ingress.New(ingress.Config{
		Publisher: p.conn, Accounts: p.db, Verify: twilio.Verifier{BaseURL: base}.Verify,
		TwiML: twilio.VoiceTwiML, BaseURL: base, Plans: p.db, Decisions: p.db,
	})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(in)
	t.Cleanup(front.Close)
	faults, err := simulator.ParseFaults("all")
	if err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(simulator.Config{
		Seed: 11, Speed: 60, Rate: 40, Calls: 120, Faults: faults,
		AccountSID: p.account.AccountSID, AuthToken: p.account.AuthTokens[0], OrganizationID: p.account.OrganizationID,
		Numbers: []string{ownNumber, answeredNumber}, VoiceURL: ingress.RouteVoice, VoiceNumbers: []string{answeredNumber},
		Target: base, Dial: front.URL, TranscriptsKnown: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	double := httptest.NewServer(sim.Handler())
	t.Cleanup(double.Close)
	b := newBeyond(t, double.URL)
	p.remote = b
	p.record(t, sim, false)
	p.run(t, consumers.Names()...)
	var news []schema.Event
	for range 20 {
		message := schema.MessageUpdated{Header: p.header(), MessageSID: sid(schema.MessagePrefix), From: ownNumber, To: customer}
		for _, status := range []schema.MessageStatus{schema.MessageSent, schema.MessageQueued, schema.MessageDelivered} {
			message.Status = status
			news = append(news, message)
		}
	}
	p.send(t, news...)

	ran := make(chan error, 1)
	go func() { ran <- sim.Run(t.Context()) }()
	streamtest.Await(t, "calls", func(context.Context) bool { return sim.Progress().Placed >= 30 })
	p.record(t, sim, true)
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	var report simulator.Report
	t.Cleanup(func() {
		if !report.Identical() {
			t.Log(report.String())
		}
	})
	streamtest.Await(t, "the pipeline's end", func(ctx context.Context) bool {
		return p.idle(ctx) && p.verify(ctx, sim, &report) && p.idle(ctx)
	})
	return p, b
}

// answeredNumber is the number whose calls callstream answers itself.
const answeredNumber = "+15550101"

// record turns the recording switch, and tells the simulator.
func (p *pipeline) record(t *testing.T, sim *simulator.Simulator, on bool) {
	t.Helper()
	if err := p.db.SetRecordingEnabled(t.Context(), p.account.OrganizationID, on); err != nil {
		t.Fatal(err)
	}
	sim.FlagChanged(on, time.Now())
}

// idle reports whether no consumer has anything left to do.
func (p *pipeline) idle(ctx context.Context) bool {
	for _, name := range consumers.Names() {
		pending, inFlight, err := p.conn.Lag(ctx, name)
		parked, failed := p.db.Parked(ctx, name)
		if err != nil || failed != nil || pending+inFlight > 0 || parked > 0 {
			return false
		}
	}
	return true
}

func (p *pipeline) verify(ctx context.Context, sim *simulator.Simulator, report *simulator.Report) bool {
	var err error
	*report, err = sim.Verify(ctx, outcome{p})
	return err == nil && report.Identical()
}

// outcome is what the pipeline has stored.
type outcome struct{ p *pipeline }

func (o outcome) Calls(ctx context.Context, each func(schema.CallRecord) error) error {
	return o.p.db.AllCallRecords(ctx, each)
}

func (o outcome) Object(ctx context.Context, key string) (io.ReadCloser, error) {
	body, _, err := o.p.bucket.Get(ctx, key)
	return body, err
}

// beyond is the double's Twilio and transcription, and counts what is asked of
// them that cannot be undone.
type beyond struct {
	*telephony
	*listening
	acts atomic.Int64
}

type (
	telephony = twilio.Client
	listening = whisper.Client
)

func newBeyond(t *testing.T, address string) *beyond {
	t.Helper()
	b := &beyond{}
	var err error
	if b.telephony, err = twilio.New(twilio.Config{APIURL: address, EventsURL: address, InsightsURL: address}); err != nil {
		t.Fatal(err)
	}
	if b.listening, err = whisper.New(whisper.Config{BaseURL: address + "/v1", APIKey: "key"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *beyond) StartCallRecording(ctx context.Context, a schema.Account, callSID, callbackURL string) (schema.RecordingFacts, error) {
	b.acts.Add(1)
	return b.telephony.StartCallRecording(ctx, a, callSID, callbackURL)
}

func (b *beyond) DeleteRecording(ctx context.Context, a schema.Account, recordingSID string) (alreadyGone bool, err error) {
	b.acts.Add(1)
	return b.telephony.DeleteRecording(ctx, a, recordingSID)
}

// restored is p with an empty database, in which the organization is as from a
// backup.
func (p *pipeline) restored(t *testing.T) *pipeline {
	t.Helper()
	r := &pipeline{
		url: embeddedtest.Postgres(t), bucket: p.bucket, conn: p.conn, twilio: p.twilio, remote: p.remote, account: p.account,
		publish: p.publish, handled: map[string][]error{}, changed: make(chan struct{}),
	}
	r.db = openDB(t, r.url)
	raw, err := sql.Open("postgres", r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `INSERT INTO organization (id, name) VALUES ($1, 'Test')`, p.account.OrganizationID); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		r.db.SaveTwilioAccount(t.Context(), p.account),
		r.db.AddPhoneNumber(t.Context(), p.account.OrganizationID, ownNumber),
		r.db.AddPhoneNumber(t.Context(), p.account.OrganizationID, answeredNumber),
		r.db.SetRecordingEnabled(t.Context(), p.account.OrganizationID, true),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return r
}
