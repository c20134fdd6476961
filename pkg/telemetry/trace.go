package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing makes spans and sends them to a collector, or to nobody: then it
// wraps nothing and has no tracer, so that it costs nothing.
type Tracing struct {
	provider *sdk.TracerProvider // nil: there is no collector
}

// TraceOf names the trace that a span without a parent begins, or says that any
// will do.
type TraceOf func(context.Context) (trace.TraceID, bool)

// NewTracing returns a Tracing that exports by OTLP over HTTP to endpoint, or
// with an empty one a Tracing that makes no spans. role names the process in
// them; traceOf may be nil. The exporter reads the other OTEL_EXPORTER_OTLP_*
// variables itself, and OTEL_TRACES_SAMPLER says how many traces are kept.
func NewTracing(ctx context.Context, endpoint, role string, traceOf TraceOf) (*Tracing, error) {
	if endpoint == "" {
		return &Tracing{}, nil
	}
	if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT is no address like http://127.0.0.1:4318") // which may hold a password
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(tracesURL(endpoint)))
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(
			attribute.String("service.name", "callstream"),
			attribute.String("service.namespace", "callstream"),
			attribute.String("callstream.role", role)),
		resource.WithFromEnv(), // last: an operator's OTEL_SERVICE_NAME counts
	)
	if err != nil {
		return nil, fmt.Errorf("describe this process: %w", err)
	}
	return &Tracing{sdk.NewTracerProvider(
		sdk.WithBatcher(discreet{exporter}),
		sdk.WithResource(described),
		sdk.WithIDGenerator(ids{traceOf}),
	)}, nil
}

// tracesURL is where a collector at endpoint takes traces: OpenTelemetry's
// OTLP/HTTP appends /v1/traces to OTEL_EXPORTER_OTLP_ENDPOINT.
func tracesURL(endpoint string) string { return strings.TrimRight(endpoint, "/") + "/v1/traces" }

// Tracer returns the tracer for the spans of one package, nil without a
// collector.
func (t *Tracing) Tracer(name string) trace.Tracer {
	if t.provider == nil {
		return nil
	}
	return t.provider.Tracer(name)
}

// Close sends what was not sent yet.
func (t *Tracing) Close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// Handler returns next with a span around each request, named by the pattern
// of the route that took it, otherwise by name. A trace that the request brings
// is not continued: whoever may reach a webhook could otherwise write into
// anybody's.
func (t *Tracing) Handler(next http.Handler, name string) http.Handler {
	if t.provider == nil {
		return next
	}
	// What matched when the span began is the pattern of a mux in front.
	routed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("http.route", route(r, name)))
	})
	return otelhttp.NewHandler(routed, name,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + route(r, name) }),
	)
}

// route returns the path of the pattern that the request was matched by, which
// has few values where paths have many. The pattern of a mux in front is no more
// than a prefix.
func route(r *http.Request, name string) string {
	_, path, _ := strings.Cut(r.Pattern, "/")
	if path == "" || strings.HasSuffix(path, "/") {
		return name
	}
	return "/" + path
}

// Transport returns base, or the standard transport for nil, with a span
// around each request. No trace is sent along: the other side is not ours.
func (t *Tracing) Transport(base http.RoundTripper) http.RoundTripper {
	if t.provider == nil {
		return base
	}
	return otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Host }),
	)
}
