package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/telemetry"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadinessNamesWhatIsAway(t *testing.T) {
	t.Parallel()
	health := telemetry.NewHealth(map[string]telemetry.Check{
		"nats":     func(context.Context) error { return nil },
		"database": func(context.Context) error { return errors.New("connection refused") },
	})
	mux := http.NewServeMux()
	health.Routes(mux, telemetry.NewRegistry())

	if code, body := get(t, mux, "/readyz"); code != http.StatusServiceUnavailable || body != "database: connection refused\n" {
		t.Errorf("readyz with the database away: %d %q", code, body)
	}
	if code, _ := get(t, mux, "/healthz"); code != http.StatusOK {
		t.Errorf("healthz with the database away: %d, want 200: a restart would not help", code)
	}
}

func TestDrainingIsNotReady(t *testing.T) {
	t.Parallel()
	health := telemetry.NewHealth(nil)
	mux := http.NewServeMux()
	health.Routes(mux, telemetry.NewRegistry())

	if code, _ := get(t, mux, "/readyz"); code != http.StatusOK {
		t.Fatalf("readyz: %d, want 200", code)
	}
	health.Drain()
	if code, body := get(t, mux, "/readyz"); code != http.StatusServiceUnavailable || body != "draining\n" {
		t.Errorf("readyz while draining: %d %q", code, body)
	}
}

func TestMetricsHaveTheProcess(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	telemetry.NewHealth(nil).Routes(mux, telemetry.NewRegistry())
	if _, body := get(t, mux, "/metrics"); !strings.Contains(body, "go_goroutines") {
		t.Error("no runtime metrics at /metrics")
	}
}

func TestLoggerRefusesUnknownForms(t *testing.T) {
	t.Parallel()
	if _, err := telemetry.NewLogger(nil, "xml", "info"); err == nil {
		t.Error("log format xml was accepted")
	}
	if _, err := telemetry.NewLogger(nil, "json", "loud"); err == nil {
		t.Error("log level loud was accepted")
	}
}
