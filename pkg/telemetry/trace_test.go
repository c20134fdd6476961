package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/pkg/telemetry"
	"github.com/loquent/callstream/pkg/telemetry/telemetrytest"
)

func tracing(t *testing.T, endpoint string, of telemetry.TraceOf) *telemetry.Tracing {
	t.Helper()
	tracing, err := telemetry.NewTracing(t.Context(), endpoint, "test", of)
	if err != nil {
		t.Fatal(err)
	}
	return tracing
}

func closed(t *testing.T, tracing *telemetry.Tracing) {
	t.Helper()
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request from within a handler.
func ask(t *testing.T, client *http.Client, url string) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
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
	}
}

// A request and what it asks of others are one trace, of its own: neither does
// a stranger's header join another trace, nor does ours leave the house.
func TestARequestAndItsRequestsAreOneTrace(t *testing.T) {
	t.Parallel()
	collector := telemetrytest.New(t)
	tracing := tracing(t, collector.Endpoint+"/", nil)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("traceparent"); got != "" {
			t.Errorf("another's server was sent the trace %s", got)
		}
	}))
	defer other.Close()
	handler := tracing.Handler(ask(t, &http.Client{Transport: tracing.Transport(nil)}, other.URL), "/hook")
	request := httptest.NewRequest(http.MethodPost, "/hook", nil)
	request.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	closed(t, tracing)

	server, call := collector.Span(t, "POST /hook"), collector.Span(t, "GET "+other.Listener.Addr().String())
	if server.Trace != call.Trace || call.Parent != server.ID {
		t.Errorf("the request made %s/%s, what it asked %s under %s", server.Trace, server.ID, call.Trace, call.Parent)
	}
	if server.Parent != "" {
		t.Errorf("the request continues the trace that a stranger named: %s", server.Parent)
	}
}

// Spans are named by routes, and tell a collector nothing of the telephone
// numbers in paths and queries, nor of signatures, nor of who asked.
func TestACollectorLearnsNoNumbersAndNoSignatures(t *testing.T) {
	t.Parallel()
	collector := telemetrytest.New(t)
	tracing := tracing(t, collector.Endpoint, nil)
	const number, signature, client = "15550001111", "d0c0ffee", "203.0.113.9"
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	inner := http.NewServeMux()
	inner.Handle("PUT /api/numbers/{number}", ask(t, &http.Client{Transport: tracing.Transport(nil)},
		other.URL+"/media?PhoneNumber=%2B"+number+"&X-Amz-Signature="+signature))
	outer := http.NewServeMux()
	outer.Handle("/api/", tracing.Handler(inner, "/api/"))
	request := httptest.NewRequest(http.MethodPut, "/api/numbers/+"+number+"?from="+number, nil)
	request.Header.Set("X-Forwarded-For", client)
	request.RemoteAddr = client + ":1234"
	outer.ServeHTTP(httptest.NewRecorder(), request)
	closed(t, tracing)

	if got := collector.Span(t, "PUT /api/numbers/{number}").Attributes["http.route"]; got != "/api/numbers/{number}" {
		t.Errorf("the route is %q", got)
	}
	if asked := collector.Span(t, "GET "+other.Listener.Addr().String()); asked.Attributes["url.full"] != other.URL+"/media" {
		t.Errorf("what was asked is %q", asked.Attributes["url.full"])
	}
	for _, s := range collector.Spans() {
		for key, value := range s.Attributes {
			for _, secret := range []string{number, signature, client} {
				if strings.Contains(value, secret) {
					t.Errorf("span %q: %s is %q", s.Name, key, value)
				}
			}
		}
	}
}

// A trace that can be named has that id in every process; others have one of
// their own.
func TestATraceThatCanBeNamedHasThatID(t *testing.T) {
	t.Parallel()
	type key struct{}
	named := trace.TraceID{1, 2, 3}
	collector := telemetrytest.New(t)
	tracing := tracing(t, collector.Endpoint, func(ctx context.Context) (trace.TraceID, bool) {
		id, ok := ctx.Value(key{}).(trace.TraceID)
		return id, ok
	})
	tracer := tracing.Tracer("test")
	ctx, one := tracer.Start(context.WithValue(t.Context(), key{}, named), "one")
	_, child := tracer.Start(ctx, "child")
	_, other := tracer.Start(t.Context(), "other")
	for _, s := range []trace.Span{child, one, other} {
		s.End()
	}
	closed(t, tracing)
	for name, want := range map[string]bool{"one": true, "child": true, "other": false} {
		if s := collector.Span(t, name); (s.Trace == named.String()) != want {
			t.Errorf("%s is in trace %s", name, s.Trace)
		}
	}
}

func TestWithoutCollectorNothingIsTraced(t *testing.T) {
	t.Parallel()
	tracing := tracing(t, "", nil)
	if tracing.Tracer("x") != nil || tracing.Transport(nil) != nil {
		t.Error("there is something to trace with without a collector")
	}
	closed(t, tracing)
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	_, err := telemetry.NewTracing(t.Context(), "collector:4318", "test", nil)
	if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Errorf("got %v", err)
	}
}
