package stream_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/pkg/telemetry"
	"github.com/loquent/callstream/pkg/telemetry/telemetrytest"
	"github.com/loquent/callstream/schema"
)

// pipeline is a server with durables, and processes that trace to a collector.
type pipeline struct {
	*rig
	collector *telemetrytest.Collector
	tracing   *telemetry.Tracing
	traced    *stream.Conn // publishes with spans
}

func newPipeline(t *testing.T, durables ...stream.Durable) *pipeline {
	t.Helper()
	server, conn := provisioned(t, streamtest.Settings(), durables...)
	p := &pipeline{rig: &rig{t: t, server: server, conn: conn, ledger: &streamtest.MemoryLedger{}, ends: streamtest.NewEnds()}, collector: telemetrytest.New(t)}
	tracing, err := telemetry.NewTracing(t.Context(), p.collector.Endpoint, "test", stream.TraceOf)
	if err != nil {
		t.Fatal(err)
	}
	p.tracing = tracing
	p.traced = streamtest.Connect(t, stream.Config{InProcess: server.InProcess(), Tracer: tracing.Tracer("test")})
	return p
}

// work runs a durable.
func (p *pipeline) work(d stream.Durable, handler stream.Handler, batch stream.BatchHandler) {
	p.t.Helper()
	streamtest.Run(p.t, stream.RunnerConfig{
		Conn: p.traced, Durable: d, Handler: handler, Batch: batch, Ledger: p.ledger, Parking: p.ledger,
		Logger: p.ends.Logger(), Tracer: p.tracing.Tracer("test"),
	})
}

// webhook publishes the event as the answer to a request.
func (p *pipeline) webhook(path string, e schema.Event) {
	p.t.Helper()
	handler := p.tracing.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := p.traced.Publish(r.Context(), e); err != nil {
			p.t.Error(err)
		}
	}), path)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, path, nil))
}

// collected waits for n messages to be done and for their spans.
func (p *pipeline) collected(n int) (lines []streamtest.End) {
	p.t.Helper()
	for range n {
		lines = append(lines, p.ends.Await(p.t, "done"))
	}
	if err := p.tracing.Close(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return lines
}

// stage is a durable of one kind of event.
func stage(name, kind string) stream.Durable {
	d := durable(name)
	d.Filters = []string{kind + ".*"}
	return d
}

// A call is one trace from its webhooks through every stage, whichever webhooks
// and processes its events come by; each webhook's request is a trace of its
// own, that the call's links to.
func TestACallIsOneTrace(t *testing.T) {
	t.Parallel()
	calls := stage("calls", schema.KindCallAnswered)
	calls.Batch = 10
	recorder, archiver := stage("recorder", schema.KindCallAnswered), stage("archiver", schema.KindRecordingProcessed)
	transcriber, reaper := stage("transcriber", schema.KindRecordingArchived), stage("reaper", schema.KindRecordingTranscribed)
	p := newPipeline(t, calls, recorder, archiver, transcriber, reaper)
	p.work(calls, nil, func(context.Context, []stream.Delivery) []error { return nil })
	p.work(recorder, func(ctx context.Context, _ schema.Event) error {
		_, asked := p.tracing.Tracer("test").Start(ctx, "ask Twilio")
		asked.End()
		return nil
	}, nil)
	p.work(archiver, stream.Handle(func(ctx context.Context, e schema.RecordingProcessed) error {
		return p.traced.Publish(ctx, schema.RecordingArchived{Header: e.Header, Recording: e.Recording})
	}), nil)
	p.work(transcriber, stream.Handle(func(ctx context.Context, e schema.RecordingArchived) error {
		return p.traced.Publish(ctx, schema.RecordingTranscribed{Header: e.Header, Recording: e.Recording})
	}), nil)
	p.work(reaper, func(context.Context, schema.Event) error { return nil }, nil)
	p.webhook("/twilio/call-status", streamtest.Answered(7))
	p.webhook("/twilio/recording", streamtest.Processed(7))
	lines := p.collected(5)

	span := func(name string) telemetrytest.Span { return p.collector.Span(t, name) }
	call := span("publish call.answered").Trace
	for child, parent := range map[string]string{
		"publish call.answered":         "",
		"process calls":                 "publish call.answered",
		"process recorder":              "publish call.answered",
		"ask Twilio":                    "process recorder",
		"publish recording.processed":   "",
		"process archiver":              "publish recording.processed",
		"publish recording.archived":    "process archiver",
		"process transcriber":           "publish recording.archived",
		"publish recording.transcribed": "process transcriber",
		"process reaper":                "publish recording.transcribed",
	} {
		s := span(child)
		if s.Trace != call {
			t.Errorf("%s is in trace %s, the call's is %s", child, s.Trace, call)
		}
		if parent == "" && s.Parent != "" || parent != "" && s.Parent != span(parent).ID {
			t.Errorf("%s is a child of %q, want that of %q", child, s.Parent, parent)
		}
		if sid := s.Attributes["callstream.call_sid"]; child != "ask Twilio" && sid != streamtest.SID("CA", 7) {
			t.Errorf("%s is of call %q", child, sid)
		}
	}
	linked(t, span("publish call.answered"), span("POST /twilio/call-status"))
	linked(t, span("publish recording.processed"), span("POST /twilio/recording"))
	linked(t, span("process archiver"), span("publish recording.processed"))
	linked(t, span("process batch calls"), span("publish call.answered"))
	linked(t, span("process calls"), span("process batch calls"))
	for _, other := range []string{"POST /twilio/call-status", "POST /twilio/recording", "process batch calls"} {
		if span(other).Trace == call {
			t.Errorf("%s is in the call's trace", other)
		}
	}
	for _, line := range lines {
		if line.Attrs["trace_id"] != call {
			t.Errorf("the line of %v says trace %v, want %s", line.Attrs["consumer"], line.Attrs["trace_id"], call)
		}
	}
}

// linked checks that a span links to another.
func linked(t *testing.T, from, to telemetrytest.Span) {
	t.Helper()
	if !slices.Contains(from.Links, telemetrytest.Link{Trace: to.Trace, Span: to.ID}) {
		t.Errorf("%s links to %v, want a link to %s, %v", from.Name, from.Links, to.Name, to.ID)
	}
}

// Other calls, and the same SID in another account, are other traces.
func TestCallsAreTracesApart(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	foreign := streamtest.Answered(1)
	foreign.AccountSID = streamtest.SID("AC", 2)
	for _, e := range []schema.Event{streamtest.Answered(1), streamtest.Answered(2), foreign} {
		if err := p.traced.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	p.collected(0)
	traces := map[string]bool{}
	for _, s := range p.collector.Spans() {
		traces[s.Trace] = true
	}
	if len(traces) != 3 {
		t.Errorf("three calls are in %d traces", len(traces))
	}
}

// What fails is seen in the trace: every attempt is a span, with its outcome.
func TestAttemptsAreSpansWithTheirOutcome(t *testing.T) {
	t.Parallel()
	d := durable("one")
	p := newPipeline(t, d)
	p.work(d, func(ctx context.Context, _ schema.Event) error {
		if stream.DeliveryFrom(ctx).Attempt == 1 {
			return errors.New("the first attempt")
		}
		return nil
	}, nil)
	p.publish(streamtest.Answered(1)) // by a process that does not trace
	p.collected(1)

	outcomes := map[string]bool{}
	traces := map[string]bool{}
	for _, s := range p.collector.Spans() {
		outcomes[s.Attributes["callstream.outcome"]] = s.Failed
		traces[s.Trace] = true
	}
	if failed, ok := outcomes["retried"]; !ok || !failed {
		t.Errorf("outcomes and failures: %v", outcomes)
	}
	if failed, ok := outcomes["done"]; !ok || failed {
		t.Errorf("outcomes and failures: %v", outcomes)
	}
	if len(traces) != 1 {
		t.Errorf("the attempts are in %d traces", len(traces))
	}
}

// A process that does not trace hands on the trace that it was given.
func TestATraceGoesThroughAProcessThatDoesNotTrace(t *testing.T) {
	t.Parallel()
	d := durable("one")
	p := newPipeline(t, d)
	given := make(chan trace.SpanContext, 1)
	streamtest.Run(t, stream.RunnerConfig{
		Conn: p.conn, Durable: d, Ledger: p.ledger, Parking: p.ledger,
		Handler: func(ctx context.Context, _ schema.Event) error {
			given <- trace.SpanContextFromContext(ctx)
			return nil
		},
	})
	p.webhook("/twilio/call-status", streamtest.Answered(1))
	got := <-given
	p.collected(0)
	if s := p.collector.Span(t, "publish call.answered"); got.TraceID().String() != s.Trace || got.SpanID().String() != s.ID {
		t.Errorf("the handler is in %s, what published in %s", got.TraceID(), s.Trace)
	}
}

// Spans hold SIDs, and nothing that a call's parties would not want seen.
func TestSpansHoldNoNumbers(t *testing.T) {
	t.Parallel()
	d := durable("one")
	p := newPipeline(t, d)
	p.work(d, func(context.Context, schema.Event) error { return nil }, nil)
	e := streamtest.Answered(1)
	e.Call.From, e.Call.To = "+15550001111", "+15550002222"
	p.webhook("/twilio/call-status", e)
	p.collected(1)
	for _, s := range p.collector.Spans() {
		for key, value := range s.Attributes {
			if strings.Contains(value, "1555000") {
				t.Errorf("span %q: %s is %q", s.Name, key, value)
			}
		}
	}
}
