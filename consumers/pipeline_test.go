package consumers_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/consumers/archiver"
	"github.com/loquent/callstream/consumers/calls"
	"github.com/loquent/callstream/consumers/messages"
	"github.com/loquent/callstream/consumers/reaper"
	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/consumers/transcriber"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/s3/s3test"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

const (
	ownNumber = "+15550100"
	customer  = "+15550199"
	agent     = "client:agent"
)

// patience bounds every wait of a test; nothing waits that long unless it is
// broken.
const patience = 30 * time.Second

// pipeline is the consumers on a real database, bucket and stream, for an
// organization that records.
type pipeline struct {
	url     string
	db      *postgres.DB
	bucket  *s3.Store
	conn    *stream.Conn
	earlier *s3.Store // the bucket before this one, for forced replays; nil: there is none
	twilio  *double
	remote  remote // what the consumers call: twilio, unless a test has another
	account schema.Account
	publish func(context.Context, ...schema.Event) error // what the consumers publish with

	mu      sync.Mutex
	handled map[string][]error // by durable and message id
	changed chan struct{}      // closed, and made anew, at each end of work
}

// remote is what lies beyond the network.
type remote interface {
	FetchCall(ctx context.Context, a schema.Account, callSID string) (schema.CallFacts, error)
	ListCallRecordings(ctx context.Context, a schema.Account, callSID string) ([]schema.RecordingFacts, error)
	StartCallRecording(ctx context.Context, a schema.Account, callSID, callbackURL string) (schema.RecordingFacts, error)
	FetchRecording(ctx context.Context, a schema.Account, recordingSID string) (schema.RecordingFacts, error)
	DownloadMedia(ctx context.Context, a schema.Account, recordingSID string) (schema.Media, error)
	DeleteRecording(ctx context.Context, a schema.Account, recordingSID string) (alreadyGone bool, err error)
	Transcribe(ctx context.Context, audio io.Reader, size int64) (schema.Transcript, error)
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	p := &pipeline{
		url:     embeddedtest.Postgres(t),
		bucket:  s3test.New(t),
		conn:    streamtest.New(t, consumers.Table()...),
		handled: map[string][]error{},
		changed: make(chan struct{}),
	}
	p.db = openDB(t, p.url)
	p.publish = p.conn.Publish
	p.account = newOrganization(t, p.db, ownNumber)
	p.twilio = newDouble()
	p.remote = p.twilio
	return p
}

// openDB opens the database at url, with its tables.
func openDB(t *testing.T, url string) *postgres.DB {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	ring, err := secrets.Parse(base64.StdEncoding.EncodeToString(key))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), url, postgres.Options{Sealer: ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// newOrganization makes an organization with a Twilio account and a number, and
// switches recording on.
func newOrganization(t *testing.T, db *postgres.DB, number string) schema.Account {
	t.Helper()
	org, err := db.CreateOrganization(t.Context(), "Test")
	if err != nil {
		t.Fatal(err)
	}
	account := schema.Account{
		OrganizationID: org, AccountSID: sid(schema.AccountPrefix), AuthTokens: []string{"token"},
		RecordingEnabled: true, TranscriptionEnabled: true, Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}
	for _, err := range []error{
		db.SaveTwilioAccount(t.Context(), account),
		db.AddPhoneNumber(t.Context(), org, number),
		db.SetRecordingEnabled(t.Context(), org, true),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return account
}

// sid returns a new SID.
func sid(prefix string) string {
	digits := make([]byte, 16)
	_, _ = rand.Read(digits)
	return prefix + hex.EncodeToString(digits)
}

// Publish lets a test fail what the consumers publish.
func (p *pipeline) Publish(ctx context.Context, events ...schema.Event) error {
	return p.publish(ctx, events...)
}

func (p *pipeline) calls() *calls.Consumer {
	return calls.New(calls.Config{Store: p.db, Records: p.db})
}

func (p *pipeline) messages() *messages.Consumer {
	return messages.New(messages.Config{Store: p.db, Records: p.db})
}

func (p *pipeline) recorder() *recorder.Consumer {
	return recorder.New(recorder.Config{
		Settings: p.db, Decisions: p.db, Calls: p.db, Records: p.db, Leases: p.db, Twilio: p.remote, Starter: p.remote,
		CallbackURL: func(org string) string { return "https://app.example.com/twilio/recording?org=" + org },
	})
}

func (p *pipeline) archiver() *archiver.Consumer {
	config := archiver.Config{
		Accounts: p.db, Calls: p.db, Recordings: p.db, History: p.db, Leases: p.db,
		Twilio: p.remote, Objects: p.bucket, Publisher: p, Copies: p.bucket, Restore: p.db,
	}
	if p.earlier != nil {
		config.Earlier = p.earlier
	}
	return archiver.New(config)
}

func (p *pipeline) transcriber() *transcriber.Consumer {
	return transcriber.New(transcriber.Config{
		Accounts: p.db, Recordings: p.db, Leases: p.db, Objects: p.bucket, Whisper: p.remote, Publisher: p,
	})
}

func (p *pipeline) reaper() *reaper.Consumer {
	return reaper.New(reaper.Config{Accounts: p.db, Recordings: p.db, Leases: p.db, Twilio: p.remote, Logger: slog.New(slog.DiscardHandler)})
}

// run runs the named durables until the test ends.
func (p *pipeline) run(t *testing.T, names ...string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, name := range names {
		durable, err := consumers.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		config := stream.RunnerConfig{Conn: p.conn, Durable: durable, Ledger: p.db, Parking: p.db, Grace: time.Second}
		p.handle(&config)
		runner, err := stream.NewRunner(config)
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := runner.Run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	t.Cleanup(func() { stop(); running.Wait() })
}

// handle sets the work of config's durable, and has its ends noted.
func (p *pipeline) handle(config *stream.RunnerConfig) {
	var handler stream.Handler
	var batch stream.BatchHandler
	name := config.Durable.Name
	switch name {
	case consumers.Calls:
		batch = p.calls().HandleBatch
	case consumers.Messages:
		batch = p.messages().HandleBatch
	case consumers.Recorder:
		handler = stream.Handle(p.recorder().Handle)
	case consumers.Archiver:
		handler = stream.Handle(p.archiver().Handle)
	case consumers.Transcriber:
		handler = stream.Handle(p.transcriber().Handle)
	case consumers.Reaper:
		handler = stream.Handle(p.reaper().Handle)
	}
	if handler != nil {
		config.Handler = func(ctx context.Context, e schema.Event) error {
			err := handler(ctx, e)
			p.ended(name, e, err)
			return err
		}
		return
	}
	config.Batch = func(ctx context.Context, deliveries []stream.Delivery) []error {
		errs := batch(ctx, deliveries)
		for i, d := range deliveries {
			p.ended(name, d.Event, errs[i])
		}
		return errs
	}
}

func (p *pipeline) ended(durable string, e schema.Event, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := durable + " " + e.MsgID()
	p.handled[key] = append(p.handled[key], err)
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits until the durable is done with the event, and returns the errors
// of the attempts before.
func (p *pipeline) await(t *testing.T, durable, msgID string) []error {
	t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		attempts, changed := slices.Clone(p.handled[durable+" "+msgID]), p.changed
		p.mu.Unlock()
		if n := len(attempts); n > 0 && attempts[n-1] == nil {
			return attempts[:n-1]
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s is not done with %s: %v", durable, msgID, attempts)
		}
	}
}

// send publishes events as the ingress does.
func (p *pipeline) send(t *testing.T, events ...schema.Event) {
	t.Helper()
	if err := p.conn.Publish(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

// call returns what is stored of the call.
func (p *pipeline) call(t *testing.T, callSID string) schema.CallRecord {
	t.Helper()
	record, err := p.db.CallRecord(t.Context(), p.account.OrganizationID, callSID)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// object returns the bytes of a recording's copy.
func (p *pipeline) object(t *testing.T, o *schema.Object) []byte {
	t.Helper()
	if o == nil {
		t.Fatal("there is no copy")
	}
	body, _, err := p.bucket.Get(t.Context(), o.Key)
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

func (p *pipeline) header() schema.Header {
	return schema.Header{
		AccountSID: p.account.AccountSID, OrganizationID: p.account.OrganizationID,
		OccurredAt: time.Now().UTC().Truncate(time.Microsecond), Origin: schema.OriginEventStream,
	}
}

func (p *pipeline) answered(facts schema.CallFacts) schema.CallAnswered {
	facts.Status = schema.StatusInProgress
	return schema.CallAnswered{Header: p.header(), Call: facts}
}

func (p *pipeline) completed(facts schema.CallFacts) schema.CallCompleted {
	facts.Status = schema.StatusCompleted
	return schema.CallCompleted{Header: p.header(), Call: facts}
}

// processed is the news of a recording that Twilio has finished.
func (p *pipeline) processed(facts schema.RecordingFacts) schema.RecordingProcessed {
	facts.Status = schema.RecordingCompleted
	return schema.RecordingProcessed{Header: p.header(), Recording: facts}
}

// outbound is a call that the organization makes.
func outbound() schema.CallFacts {
	return schema.CallFacts{CallSID: sid(schema.CallPrefix), From: ownNumber, To: customer, Leg: schema.LegOutboundAPI}
}

// msgID names a fact about one thing.
func msgID(kind, sid string) string { return fmt.Sprintf("%s:%s", kind, sid) }
