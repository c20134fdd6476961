package stream

import (
	"context"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/schema"
)

// announce begins a span for each message about to be published, each in the
// trace of its call, and lets the message carry it. Without a tracer messages
// carry the trace of ctx, for those processes that have one.
func (c *Conn) announce(ctx context.Context, events []schema.Event, messages []*nats.Msg) []trace.Span {
	if c.tracer == nil {
		for _, m := range messages {
			inject(ctx, m.Header)
		}
		return nil
	}
	spans := make([]trace.Span, len(messages))
	for i, m := range messages {
		callSID, _ := events[i].Refs()
		under, options := join(ctx, events[i].Meta().AccountSID, callSID)
		options = append(options,
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(described("publish", "send", m.Subject, m.Header, len(m.Data))...))
		under, spans[i] = c.tracer.Start(under, "publish "+events[i].Kind(), options...)
		inject(under, m.Header)
	}
	return spans
}

// announced ends the spans. They were published together, and fail together:
// err says which were not stored.
func announced(spans []trace.Span, err error) {
	for _, span := range spans {
		if err != nil {
			fault(span, err)
		}
		span.End()
	}
}
