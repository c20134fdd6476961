package stream_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/propagation"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// raw returns a connection of the test's own, to see what lies in the streams.
func raw(t *testing.T, server *streamtest.Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// provisioned returns a server with the streams and durables, and a connection.
func provisioned(t testing.TB, settings stream.Settings, durables ...stream.Durable) (*streamtest.Server, *stream.Conn) {
	t.Helper()
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{InProcess: server.InProcess()})
	if _, err := conn.Provision(t.Context(), settings, durables); err != nil {
		t.Fatal(err)
	}
	return server, conn
}

func calls(t *testing.T, conn *stream.Conn) stream.StreamState {
	t.Helper()
	info, err := conn.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.Streams[0]
}

func TestPublishWritesACloudEvent(t *testing.T) {
	t.Parallel()
	server, conn := provisioned(t, streamtest.Settings())
	event := streamtest.Processed(7)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if err := conn.Publish(propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": trace}), event); err != nil {
		t.Fatal(err)
	}
	_, js := raw(t, server)
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	m, err := calls.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	account, call, recording := streamtest.SID("AC", 1), streamtest.SID("CA", 7), streamtest.SID("RE", 7)
	want := nats.Header{
		"Nats-Msg-Id":          {"recording.processed:" + recording + ":completed"},
		"Nats-Expected-Stream": {"CALLS"},
		"content-type":         {"application/json"},
		"ce-specversion":       {"1.0"},
		"ce-id":                {"recording.processed:" + recording + ":completed"},
		"ce-type":              {"callstream.recording.processed"},
		"ce-source":            {"/accounts/" + account},
		"ce-subject":           {recording},
		"ce-time":              {"2026-01-02T03:04:05Z"},
		"Callstream-Call":      {call},
		"Callstream-Recording": {recording},
		"Callstream-Org":       {"org-1"},
		"traceparent":          {trace},
	}
	for _, added := range []string{"Nats-Stream", "Nats-Sequence", "Nats-Subject", "Nats-Time-Stamp"} {
		m.Header.Del(added) // by the look-up
	}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	decoded, err := schema.Decode(m.Subject, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(schema.Event(event), decoded); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestTheSameFactIsStoredOnce(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	once, other := streamtest.Answered(1), streamtest.Answered(2)
	byCallback := once
	byCallback.Origin = schema.OriginEventStream // the same fact by another way
	for range 2 {
		if err := conn.Publish(t.Context(), once); err != nil {
			t.Fatalf("publish: %v", err)
		}
		if err := conn.Publish(t.Context(), byCallback, other, other); err != nil {
			t.Fatalf("publish several: %v", err)
		}
	}
	if got := calls(t, conn).Messages; got != 2 {
		t.Errorf("%d messages stored, want 2", got)
	}
}

// The id's scope is the whole stream, whatever the subject: two facts that
// shared one would lose the second without an error.
func TestFactsOfOneCallDoNotShareAnID(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	header, call := streamtest.Answered(1).Header, streamtest.Answered(1).Call
	recording := streamtest.Processed(1).Recording
	absent := recording
	absent.Status = schema.RecordingAbsent
	facts := []schema.Event{
		schema.CallAnswered{Header: header, Call: call},
		schema.CallReceived{Header: header, Call: call},
		schema.CallCompleted{Header: header, Call: call},
		schema.InsightsSummary{Header: header, Call: call, ProcessingState: "partial"},
		schema.InsightsSummary{Header: header, Call: call, ProcessingState: "complete"},
		schema.RecordingProcessed{Header: header, Recording: recording},
		schema.RecordingProcessed{Header: header, Recording: absent},
		schema.RecordingArchived{Header: header, Recording: recording},
		schema.RecordingTranscribed{Header: header, Recording: recording},
		schema.MessageUpdated{Header: header, MessageSID: streamtest.SID("SM", 1), Status: schema.MessageSent},
		schema.MessageUpdated{Header: header, MessageSID: streamtest.SID("SM", 1), Status: schema.MessageDelivered},
	}
	if err := conn.Publish(t.Context(), facts...); err != nil {
		t.Fatal(err)
	}
	if got := calls(t, conn).Messages; got != uint64(len(facts)) {
		t.Errorf("%d messages stored, want %d", got, len(facts))
	}
}

func TestPublishRefusesWhatWouldBecomeAWrongSubjectOrID(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	good := streamtest.Answered(1)
	cases := map[string]schema.Event{
		"a wildcard for an account":  func() schema.Event { e := good; e.AccountSID = ">"; return e }(),
		"no account":                 func() schema.Event { e := good; e.AccountSID = ""; return e }(),
		"an upper-case account":      func() schema.Event { e := good; e.AccountSID = "AC" + strings.Repeat("A", 32); return e }(),
		"a made-up call":             func() schema.Event { e := good; e.Call.CallSID = "CA1"; return e }(),
		"no call":                    func() schema.Event { e := good; e.Call.CallSID = ""; return e }(),
		"a status of several tokens": schema.MessageUpdated{Header: good.Header, MessageSID: streamtest.SID("SM", 1), Status: "sent.x"},
		"a status with a blank":      schema.MessageUpdated{Header: good.Header, MessageSID: streamtest.SID("SM", 1), Status: "sent x"},
		"no message":                 schema.MessageUpdated{Header: good.Header, Status: "sent"},
		"a message with a line end":  schema.MessageUpdated{Header: good.Header, Status: "sent", MessageSID: "SM\r\nNats-Rollup: all"},
	}
	for name, event := range cases {
		if err := conn.Publish(t.Context(), good, event); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if got := calls(t, conn).Messages; got != 0 {
		t.Errorf("%d messages stored beside refused ones, want none", got)
	}
}

// Error 10077 stands for a full stream as well as for other refusals to store.
// Whoever takes it for a duplicate acknowledges events that are nowhere.
func TestAFullStreamIsNotADuplicate(t *testing.T) {
	t.Parallel()
	server, conn := provisioned(t, streamtest.Settings())
	_, js := raw(t, server)
	stored, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	full := stored.CachedInfo().Config
	full.Discard, full.MaxBytes = jetstream.DiscardNew, 1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	for _, events := range [][]schema.Event{{streamtest.Answered(1)}, {streamtest.Answered(1), streamtest.Answered(2)}} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := conn.Publish(ctx, events...)
		cancel()
		if schema.CodeOf(err) != schema.Unavailable || !strings.Contains(err.Error(), "maximum bytes exceeded") {
			t.Errorf("publish %d to a full stream: %v, want unavailable", len(events), err)
		}
	}
	full.MaxBytes = 1 << 20
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if err := conn.Publish(t.Context(), streamtest.Answered(1), streamtest.Answered(2)); err != nil {
		t.Errorf("publish with room again: %v", err)
	}
}

// A stream that another has taken the subjects of must not swallow events.
func TestEventsGoToTheStreamTheyAreFor(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	_, js := raw(t, server)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"call.>"}}); err != nil {
		t.Fatal(err)
	}
	conn := streamtest.Connect(t, stream.Config{InProcess: server.InProcess()})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := conn.Publish(ctx, streamtest.Answered(1)); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("publish into another's stream: %v, want unavailable", err)
	}
}

func TestPublishFailsFastWhileTheServerIsGone(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), nil); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	// With a minute to spare it gives up long before.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, events := range [][]schema.Event{{streamtest.Answered(1)}, {streamtest.Answered(1), streamtest.Answered(2)}} {
		if err := conn.Publish(ctx, events...); schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("publish %d with the server gone: %v, want unavailable", len(events), err)
		}
	}
	if ctx.Err() != nil {
		t.Fatal("publishing with the server gone took the whole budget")
	}
	if err := conn.Ready(ctx); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("ready with the server gone: %v, want unavailable", err)
	}
	server.Restart()
	streamtest.Await(t, "the connection's return", func(ctx context.Context) bool {
		return conn.Publish(ctx, streamtest.Answered(1), streamtest.Answered(2)) == nil
	})
	if err := conn.Ready(ctx); err != nil {
		t.Errorf("ready after the server's return: %v", err)
	}
	if got := calls(t, conn).Messages; got != 2 {
		t.Errorf("%d messages stored, want 2: what was refused must not be sent later", got)
	}
}

func TestConnectSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	for code, config := range map[schema.Code]stream.Config{
		schema.Unavailable: {URL: "nats://127.0.0.1:1"},
		schema.Invalid:     {URL: "nats://127.0.0.1:1", CertFile: "no such file", KeyFile: "nor this"},
	} {
		if _, err := stream.Connect(t.Context(), config); schema.CodeOf(err) != code {
			t.Errorf("connect: %v, want %s", err, code)
		}
	}
}

func TestReadyNeedsTheStream(t *testing.T) {
	t.Parallel()
	conn := streamtest.Connect(t, stream.Config{InProcess: streamtest.Start(t).InProcess()})
	if err := conn.Ready(t.Context()); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("ready without a stream: %v, want unavailable", err)
	}
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), nil); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ready(t.Context()); err != nil {
		t.Errorf("ready with the stream: %v", err)
	}
}

func TestDeadLettersKeepWhatTheyAreOf(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	want := schema.DeadLetter{
		Consumer: "archiver", Reason: "corrupt", Error: "two\nlines", Attempts: 3, Subject: "recording.processed.AC1", Sequence: 42,
		MsgID: "mine", Account: "AC1", Org: "org-1", Data: []byte("{not json"),
		FailedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Published: time.Date(2026, 1, 2, 3, 4, 4, 0, time.UTC),
		Header: map[string][]string{"ce-id": {"the original"}, "Nats-Msg-Id": {"the original"}, "Nats-Rollup": {"all"}},
	}
	other := want
	other.MsgID = ""
	unknown := schema.DeadLetter{Consumer: "ingress", Reason: "undecodable", Data: []byte("first")}
	another := unknown
	another.Data = []byte("second")
	for range 2 { // told twice, kept once
		if err := conn.DeadLetter(t.Context(), want, other, unknown, another); err != nil {
			t.Fatal(err)
		}
	}
	got := streamtest.DeadLetters(t, conn, 4)[3]
	if got.Header["ce-id"] == nil || got.Header["Nats-Rollup"] != nil {
		t.Errorf("headers are %v, want the original's without orders to the server", got.Header)
	}
	want.ID, want.Error, want.Header, got.Header = 1, "two lines", nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letter (-want +got):\n%s", diff)
	}
	if n, err := conn.DeadLetters(t.Context()); err != nil || n != 4 {
		t.Errorf("%d dead letters, %v; want 4", n, err)
	}
}

// What is too large to be stored with its reason is stored without its bytes,
// as long as CALLS has them; otherwise the sender has to know.
func TestADeadLetterTooLargeIsNotLost(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	large := schema.DeadLetter{Consumer: "calls", Reason: "exhausted", Sequence: 1, Data: make([]byte, 1<<20)}
	if err := conn.DeadLetter(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	if got := streamtest.DeadLetters(t, conn, 1)[0]; got.Sequence != 1 || len(got.Data) > 0 {
		t.Errorf("sequence %d with %d bytes, want 1 without any", got.Sequence, len(got.Data))
	}
	large.Sequence = 0
	if err := conn.DeadLetter(t.Context(), large); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("a letter that fits nowhere: %v, want invalid", err)
	}
}
