package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/loquent/callstream/pkg/telemetry"
)

// spans starts a collector and returns its address and what it collected.
func spans(t *testing.T) (endpoint string, collected func() map[string]*otlp.Span) {
	t.Helper()
	var all []*otlp.Span
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &request) != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s %s is no export: %v", r.Method, r.URL.Path, err)
		}
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				all = append(all, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() map[string]*otlp.Span {
		byName := map[string]*otlp.Span{}
		for _, s := range all {
			byName[s.Name] = s
		}
		return byName
	}
}

// A request and what it asks of others are one trace, of its own: neither does
// a stranger's header join another trace, nor does ours leave the house.
func TestARequestAndItsRequestsAreOneTrace(t *testing.T) {
	t.Parallel()
	endpoint, collected := spans(t)
	tracing, err := telemetry.NewTracing(t.Context(), endpoint+"/", "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	const stranger = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("traceparent"); got != "" {
			t.Errorf("another's server was sent the trace %s", got)
		}
	}))
	defer other.Close()
	client := http.Client{Transport: tracing.Transport(nil)}
	handler := tracing.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, other.URL, nil)
		if err != nil {
			t.Error(err)
			return
		}
		response, err := client.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		_ = response.Body.Close()
	}), "/hook")
	request := httptest.NewRequest(http.MethodPost, "/hook", nil)
	request.Header.Set("traceparent", stranger)
	handler.ServeHTTP(httptest.NewRecorder(), request)
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	got := collected()
	server, call := got["POST /hook"], got["GET "+other.Listener.Addr().String()]
	if server == nil || call == nil {
		t.Fatalf("spans %v", got)
	}
	if string(server.TraceId) != string(call.TraceId) || string(call.ParentSpanId) != string(server.SpanId) {
		t.Errorf("the request made %x/%x, what it asked %x under %x", server.TraceId, server.SpanId, call.TraceId, call.ParentSpanId)
	}
	if len(server.ParentSpanId) != 0 {
		t.Errorf("the request continues the trace that a stranger named: %x", server.ParentSpanId)
	}
}

func TestWithoutCollectorNothingIsTraced(t *testing.T) {
	t.Parallel()
	tracing, err := telemetry.NewTracing(t.Context(), "", "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if tracing.Tracer("x") != nil || tracing.Transport(nil) != nil {
		t.Error("there is something to trace with without a collector")
	}
	if err := tracing.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
