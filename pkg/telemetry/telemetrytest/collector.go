// Package telemetrytest is a double of an OpenTelemetry collector, for tests of
// what is traced.
package telemetrytest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is what a collector was told of a span, in a form that is easily
// compared.
type Span struct {
	Name       string
	Trace      string // in hex, as the others
	ID         string
	Parent     string // empty: none
	Links      []Link
	Attributes map[string]string // those that are text
	Failed     bool
	Kind       otlp.Span_SpanKind
}

// Link names a span that another is linked to.
type Link struct{ Trace, Span string }

// Collector takes traces by OTLP over HTTP.
type Collector struct {
	Endpoint string // for OTEL_EXPORTER_OTLP_ENDPOINT

	mu    sync.Mutex
	spans []Span
}

// New starts a collector that stops when the test ends.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &request) != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s is no export: %v", r.Method, r.URL.Path, err)
		}
		c.take(&request)
	}))
	t.Cleanup(server.Close)
	c.Endpoint = server.URL
	return c
}

func (c *Collector) take(request *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, read(s))
			}
		}
	}
}

func read(s *otlp.Span) Span {
	span := Span{
		Name: s.Name, Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Attributes: map[string]string{}, Failed: s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR, Kind: s.Kind,
	}
	for _, l := range s.Links {
		span.Links = append(span.Links, Link{hex.EncodeToString(l.TraceId), hex.EncodeToString(l.SpanId)})
	}
	for _, a := range s.Attributes {
		if text := a.Value.GetStringValue(); text != "" {
			span.Attributes[a.Key] = text
		}
	}
	return span
}

// Spans returns what was collected so far; all there is once the process's
// tracing is closed.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Span returns the one span called name; anything but one fails the test.
func (c *Collector) Span(t testing.TB, name string) Span {
	t.Helper()
	var found []Span
	names := []string{}
	for _, s := range c.Spans() {
		names = append(names, s.Name)
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans are called %q, want one, among %q", len(found), name, names)
	}
	return found[0]
}
