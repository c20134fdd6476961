package stream

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/schema"
)

// follow begins the span of work on one message: a child of the span that
// published it, in the trace of its call. A message that carries no trace, being
// published by a process without a tracer, joins its call's by name. report ends
// the span.
func (r *Runner) follow(ctx context.Context, j *job, links ...trace.Link) {
	if r.Tracer == nil {
		return
	}
	_, account := cutAccount(j.subject)
	ctx, options := join(extract(ctx, j.header), account, j.header.Get(schema.HeaderCall))
	if options == nil { // a child of what published it; the conventions want the link all the same
		links = append(links, linkTo(carried(j.header))...)
	}
	options = append(options,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithTimestamp(j.begun),
		trace.WithLinks(links...),
		trace.WithAttributes(attribute.String("messaging.consumer.group.name", r.Durable.Name)),
		trace.WithAttributes(described("process", "process", j.subject, j.header, len(j.data))...))
	_, j.span = r.Tracer.Start(ctx, "process "+r.Durable.Name, options...)
}

// followAll begins the span of one call of the batch handler, a trace of its
// own with links to where each message was published, and returns a context in
// it. Each message has besides a span in its own trace, linked to the batch's.
func (r *Runner) followAll(ctx context.Context, jobs []*job) (context.Context, func(error)) {
	if r.Tracer == nil {
		return ctx, func(error) {}
	}
	links := make([]trace.Link, 0, len(jobs))
	for _, j := range jobs {
		links = append(links, linkTo(carried(j.header))...)
	}
	ctx, span := r.Tracer.Start(ctx, "process batch "+r.Durable.Name,
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithLinks(links...),
		trace.WithAttributes(
			attribute.String("messaging.system", "nats"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.consumer.group.name", r.Durable.Name),
			attribute.Int("messaging.batch.message_count", len(jobs))))
	for _, j := range jobs {
		r.follow(ctx, j, trace.Link{SpanContext: span.SpanContext()})
	}
	return ctx, func(whole error) {
		if whole != nil {
			fault(span, whole)
		}
		span.End()
	}
}

// traced returns ctx in the job's span, or in the trace that its message
// carries, so that what the handler does and publishes is in the same trace.
func (j *job) traced(ctx context.Context) context.Context {
	if j.span != nil {
		return trace.ContextWithSpan(ctx, j.span)
	}
	return extract(ctx, j.header)
}

// traceID returns the id of the trace that the job is in, or nothing.
func (j *job) traceID() string {
	sc := carried(j.header)
	if j.span != nil {
		sc = j.span.SpanContext()
	}
	if !sc.HasTraceID() {
		return ""
	}
	return sc.TraceID().String()
}

// followed ends the job's span with what became of the message.
func (j *job) followed(f fate, err, failed error) {
	if j.span == nil {
		return
	}
	j.span.SetAttributes(
		attribute.String("callstream.outcome", f.outcome()),
		attribute.Int("callstream.deliveries", max(j.deliveries, j.attempts)))
	if f.reason != "" {
		j.span.SetAttributes(attribute.String("callstream.reason", f.reason))
	}
	if err != nil && !f.snooze {
		fault(j.span, err)
	}
	if failed != nil {
		fault(j.span, failed)
	}
	j.span.End()
}

// fault records an error.
func fault(span trace.Span, err error) {
	span.RecordError(err)
	span.SetStatus(codes.Error, string(schema.CodeOf(err)))
}
