package telemetry

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check asks one dependency whether it is there.
type Check func(context.Context) error

// checkTimeout bounds one readiness request, all checks together.
const checkTimeout = 2 * time.Second

// Health answers the orchestrator's questions. /healthz is about the process
// alone, because restarting it does not bring a dependency back; /readyz asks
// every dependency, and says no while the role drains, so that traffic goes
// elsewhere first.
type Health struct {
	checks   map[string]Check
	draining atomic.Bool
}

// NewHealth returns a Health that asks checks, by dependency's name.
func NewHealth(checks map[string]Check) *Health { return &Health{checks: checks} }

// Drain makes /readyz say no from now on.
func (h *Health) Drain() { h.draining.Store(true) }

// Routes registers /healthz, /readyz and /metrics on mux.
func (h *Health) Routes(mux *http.ServeMux, metrics prometheus.Gatherer) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
}

// ready answers 200 with "ok", or 503 with a line per dependency that is away.
func (h *Health) ready(w http.ResponseWriter, r *http.Request) {
	if h.draining.Load() {
		answer(w, http.StatusServiceUnavailable, "draining\n")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	away := h.away(ctx)
	if len(away) == 0 {
		answer(w, http.StatusOK, "ok\n")
		return
	}
	slices.Sort(away)
	body := ""
	for _, line := range away {
		body += line + "\n"
	}
	answer(w, http.StatusServiceUnavailable, body)
}

// away asks all dependencies at once and returns a line for each that fails.
func (h *Health) away(ctx context.Context) (lines []string) {
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for name, check := range h.checks {
		wg.Go(func() {
			if err := check(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, name+": "+err.Error())
			}
		})
	}
	wg.Wait()
	return lines
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
