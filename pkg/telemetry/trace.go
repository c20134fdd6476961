package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracing makes spans and sends them to a collector. A call is one trace: its
// webhook's span is the parent of the stages', across the stream, because
// every message carries the trace in its traceparent header.
type Tracing struct {
	provider trace.TracerProvider
	stop     func(context.Context) error
}

// NewTracing returns a Tracing that exports by OTLP over HTTP to endpoint, or
// with an empty one a Tracing that makes no spans. role names the process in
// them. The exporter reads the other OTEL_EXPORTER_OTLP_* variables itself.
func NewTracing(ctx context.Context, endpoint, role string) (*Tracing, error) {
	if endpoint == "" {
		return &Tracing{noop.NewTracerProvider(), func(context.Context) error { return nil }}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(tracesURL(endpoint)))
	if err != nil {
		return nil, fmt.Errorf("trace to %s: %w", endpoint, err)
	}
	described, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", "callstream"),
		attribute.String("service.namespace", "callstream"),
		attribute.String("callstream.role", role),
	))
	if err != nil {
		return nil, fmt.Errorf("describe this process: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))
	return &Tracing{provider, provider.Shutdown}, nil
}

// tracesURL is where a collector at endpoint takes traces: OpenTelemetry's
// OTLP/HTTP appends /v1/traces to OTEL_EXPORTER_OTLP_ENDPOINT.
func tracesURL(endpoint string) string {
	const path = "/v1/traces"
	for len(endpoint) > 0 && endpoint[len(endpoint)-1] == '/' {
		endpoint = endpoint[:len(endpoint)-1]
	}
	return endpoint + path
}

// Tracer returns the tracer for the spans of one package.
func (t *Tracing) Tracer(name string) trace.Tracer { return t.provider.Tracer(name) }

// Close sends what was not sent yet.
func (t *Tracing) Close(ctx context.Context) error { return t.stop(ctx) }

// Handler returns next with a span around each request. A trace that the
// request brings is not continued: whoever may reach a webhook could otherwise
// write into anybody's.
func (t *Tracing) Handler(next http.Handler, name string) http.Handler {
	return otelhttp.NewHandler(next, name,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + name }),
	)
}

// Transport returns base, or the standard transport for nil, with a span
// around each request. No trace is sent along: the other side is not ours.
func (t *Tracing) Transport(base http.RoundTripper) http.RoundTripper {
	return otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Host }),
	)
}
