package stream

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/schema"
)

// A call is one trace. Its events come by several webhooks, whose requests know
// nothing of each other, so the trace's id is made of what they all name: the
// account and the call. What publishes an event within another trace, as a
// webhook does, begins in the call's a span that links to where it comes from;
// the stages join by the message's traceparent, and what they publish is in the
// trace already.

type traceKey struct{}

// TraceOf returns the id of the trace that a span without a parent begins
// under ctx. A tracer given to this package makes its traces by it; one that
// does not makes a trace of each webhook's consequences.
func TraceOf(ctx context.Context) (trace.TraceID, bool) {
	id, ok := ctx.Value(traceKey{}).(trace.TraceID)
	return id, ok
}

// callTrace returns the id of a call's trace.
func callTrace(accountSID, callSID string) trace.TraceID {
	sum := sha256.Sum256([]byte("callstream:" + accountSID + ":" + callSID))
	return trace.TraceID(sum[:16])
}

// join returns what a span of the call starts with: ctx, if it is in the
// call's trace or there is no call, and otherwise a context and an option that
// make it a root of the call's trace, linked to the span of ctx.
func join(ctx context.Context, accountSID, callSID string) (context.Context, []trace.SpanStartOption) {
	if callSID == "" {
		return ctx, nil
	}
	id, current := callTrace(accountSID, callSID), trace.SpanContextFromContext(ctx)
	if current.TraceID() == id {
		return ctx, nil
	}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithLinks(linkTo(current)...)}
	return context.WithValue(ctx, traceKey{}, id), options
}

// linkTo returns a link to the span, if there is one.
func linkTo(span trace.SpanContext) []trace.Link {
	if !span.IsValid() {
		return nil
	}
	return []trace.Link{{SpanContext: span}}
}

// carrier reads and writes W3C Trace Context in NATS headers, whose names are
// case-sensitive; the recommendation writes them in lower case.
type carrier nats.Header

// Get returns the header's value.
func (c carrier) Get(name string) string { return nats.Header(c).Get(name) }

// Set sets the header.
func (c carrier) Set(name, value string) { nats.Header(c).Set(name, value) }

// Keys returns the headers' names.
func (c carrier) Keys() []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	return names
}

// inject lets the message carry the trace of ctx.
func inject(ctx context.Context, h nats.Header) { propagation.TraceContext{}.Inject(ctx, carrier(h)) }

// extract returns ctx in the trace that the message carries.
func extract(ctx context.Context, h nats.Header) context.Context {
	if len(h["traceparent"]) == 0 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier(h))
}

// carried returns the span that the message was published in.
func carried(h nats.Header) trace.SpanContext {
	return trace.SpanContextFromContext(extract(context.Background(), h))
}

// described are the attributes of a span about a message, by OpenTelemetry's
// conventions for messaging. The destination is the subject without its
// account, so that there are few.
func described(operation, kind, subject string, h nats.Header, size int) []attribute.KeyValue {
	destination, _ := cutAccount(subject)
	attributes := []attribute.KeyValue{
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", operation),
		attribute.String("messaging.operation.type", kind),
		attribute.String("messaging.destination.name", destination),
		attribute.Int("messaging.message.body.size", size),
	}
	for _, known := range []struct{ key, header string }{
		{"messaging.message.id", nats.MsgIdHdr},
		{"callstream.org", schema.HeaderOrg},
		{"callstream.call_sid", schema.HeaderCall},
		{"callstream.recording_sid", schema.HeaderRecording},
	} {
		if value := h.Get(known.header); value != "" {
			attributes = append(attributes, attribute.String(known.key, value))
		}
	}
	return attributes
}

// cutAccount cuts an event's subject before the account, its last token.
func cutAccount(subject string) (kind, accountSID string) {
	i := strings.LastIndexByte(subject, '.')
	if i < 0 {
		return subject, ""
	}
	return subject[:i], subject[i+1:]
}
