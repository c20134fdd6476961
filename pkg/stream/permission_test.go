package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// log is a logger's writer that can be read at any time.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

// shipped starts a server on the configuration that callstream ships, and
// returns the address for each role.
func shipped(t *testing.T) func(user string) string {
	t.Helper()
	for _, user := range []string{"INGRESS", "CONSUME", "CONSOLE", "OPERATE"} {
		t.Setenv("CALLSTREAM_NATS_"+user, "secret")
	}
	options, err := server.ProcessConfigFile("../../nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	options.Host, options.Port, options.HTTPPort, options.StoreDir = "127.0.0.1", server.RANDOM_PORT, 0, t.TempDir()
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server did not start")
	}
	return func(user string) string { return fmt.Sprintf("nats://%s:secret@%s", user, s.Addr()) }
}

// untouched is the book of dead letters that are all open.
type untouched struct{ stream.LetterBook }

func (untouched) LetterStatuses(_ context.Context, letters []schema.DeadLetter) (map[uint64]schema.LetterStatus, error) {
	statuses := map[uint64]schema.LetterStatus{}
	for _, l := range letters {
		statuses[l.ID] = schema.LetterStatus{State: schema.LetterOpen}
	}
	return statuses, nil
}

// The users of nats.conf may do what their roles do, and no more.
func TestEachRoleGetsAlongWithItsPermissions(t *testing.T) {
	address := shipped(t)
	d := durable("recorder")
	operate := streamtest.Connect(t, stream.Config{URL: address("operate")})
	if _, err := operate.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	said := &log{}
	ingress := streamtest.Connect(t, stream.Config{URL: address("ingress"), Logger: slog.New(slog.NewTextHandler(said, nil))})
	heard := &log{}
	consume := streamtest.Connect(t, stream.Config{URL: address("consume"), Logger: slog.New(slog.NewTextHandler(heard, nil))})
	for _, conn := range []*stream.Conn{ingress, consume} {
		if err := conn.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
	}
	if drift, err := consume.Check(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil || len(drift) > 0 {
		t.Errorf("check: %v, %v", drift, err)
	}

	ledger, ends := &streamtest.MemoryLedger{}, streamtest.NewEnds()
	registry, seenBehind := prometheus.NewRegistry(), make(chan struct{})
	streamtest.Run(t, stream.RunnerConfig{
		Conn: consume, Durable: d, Ledger: ledger, Parking: ledger, Logger: ends.Logger(), Redrive: 10 * time.Millisecond,
		Registerer: registry, Sample: time.Millisecond,
		Handler: stream.Handle(func(ctx context.Context, e schema.CallAnswered) error {
			switch {
			case e.Call.CallSID == streamtest.SID("CA", 2):
				<-seenBehind
				return stream.Terminal(errors.New("broken"))
			case !stream.DeliveryFrom(ctx).Redelivered:
				return stream.RetryAfter(errors.New("not yet"), time.Hour)
			}
			return consume.Publish(ctx, schema.RecordingArchived{Header: e.Header, Recording: streamtest.Processed(1).Recording})
		}),
	})
	if err := ingress.Publish(t.Context(), streamtest.Answered(1), streamtest.Answered(2)); err != nil {
		t.Fatal(err)
	}
	streamtest.Await(t, "the durable to be seen behind", func(context.Context) bool {
		gauges := shown(t, registry)
		_, letters := gauges["callstream_stream_messages DEADLETTERS"]
		return letters && gauges["callstream_durable_oldest_pending_seconds recorder"] > 0
	})
	close(seenBehind)
	for range 2 {
		ends.Next(t)
	}
	ledger.Advance(2 * time.Hour)
	ends.Await(t, "done")
	if err := ingress.DeadLetter(t.Context(), schema.DeadLetter{Consumer: "ingress", Reason: "undecodable", Data: []byte("x")}); err != nil {
		t.Errorf("dead letter of ingress: %v", err)
	}
	streamtest.DeadLetters(t, operate, 2)
	seen, err := operate.Replay(t.Context(), stream.ReplayConfig{
		Spec: schema.ReplaySpec{Consumer: "recorder", DryRun: true}, Durable: d, Handler: func(context.Context, schema.Event) error { return nil },
	})
	if err != nil || seen.Done != 2 {
		t.Errorf("replay: %+v, %v", seen, err)
	}
	letters := stream.Letters{Conn: operate, Book: untouched{}}
	if page, _, err := letters.List(t.Context(), schema.LetterFilter{}); err != nil || len(page) != 2 {
		t.Errorf("dead letters: %+v, %v", page, err)
	}

	atConsole := &log{}
	console := streamtest.Connect(t, stream.Config{URL: address("console"), Logger: slog.New(slog.NewTextHandler(atConsole, nil))})
	if info, err := console.Info(t.Context()); err != nil || len(info.Durables) != 1 {
		t.Errorf("the pipeline at the console: %+v, %v", info, err)
	}
	letters.Conn = console
	page, _, err := letters.List(t.Context(), schema.LetterFilter{Consumer: d.Name, Since: time.Now().Add(-time.Hour)})
	if err != nil || len(page) != 1 {
		t.Fatalf("dead letters at the console: %+v, %v", page, err)
	}
	if _, err := letters.Show(t.Context(), page[0].ID); err != nil {
		t.Errorf("a dead letter at the console: %v", err)
	}
	counted, err := console.EstimateReplay(t.Context(), schema.ReplaySpec{Consumer: d.Name, Since: time.Now().Add(-time.Hour)}, d)
	if err != nil || counted.Events != 2 {
		t.Errorf("an estimate at the console: %+v, %v", counted, err)
	}
	if err := console.Publish(t.Context(), streamtest.Answered(3)); err != nil {
		t.Errorf("what ingress could not decode, published at the console: %v", err)
	}

	// What a role may not do looks like silence to it; the log says why.
	forbidden := schema.RecordingTranscribed{Header: streamtest.Answered(1).Header, Recording: streamtest.Processed(1).Recording}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := ingress.Publish(ctx, forbidden); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("forbidden publish: %v, want unavailable", err)
	}
	streamtest.Await(t, "the reason in the log", func(context.Context) bool { return said.contains("Permissions Violation") })
	if heard.contains("Permissions Violation") {
		t.Error("a consumer was refused what it needs")
	}
	if atConsole.contains("Permissions Violation") {
		t.Error("the console was refused what it needs")
	}
	if _, err := stream.Connect(t.Context(), stream.Config{URL: address("nobody")}); schema.CodeOf(err) != schema.Unauthorized {
		t.Errorf("connect as nobody: %v, want unauthorized", err)
	}
}
