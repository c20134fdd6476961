package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/loquent/callstream/schema"
)

// watch samples what must not grow while calls arrive.
type watch struct {
	soak  *soak
	every time.Duration

	names  []string           // of what is sampled, in order
	series map[string]*sample // by name
}

// sample is one thing over time.
type sample struct {
	kind   kind
	values series
}

// newWatch prepares a watch that looks every ten seconds, or 180 times.
func (s *soak) newWatch() *watch {
	return &watch{soak: s, every: min(10*time.Second, s.For/180), series: map[string]*sample{}}
}

// run samples until ctx ends, or as long as calls are placed.
func (w *watch) run(ctx context.Context, placing time.Duration) error {
	began := time.Now()
	pause(ctx, placing/soakShare)
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if time.Since(began) >= placing {
			return nil
		}
	}
}

// look takes one sample of everything.
func (w *watch) look(ctx context.Context) error {
	for _, r := range w.soak.steady {
		if err := w.role(ctx, r); err != nil {
			return err
		}
	}
	w.add("nats memory", memoryOfStore, w.soak.nats.resident())
	w.add("nats file descriptors", handles, float64(w.soak.nats.files()))
	calls := float64(w.soak.sim.Progress().Placed)
	database, err := w.soak.databaseSize(ctx)
	if err != nil {
		return err
	}
	stream, err := w.soak.js.Stream(ctx, schema.StreamCalls)
	if err != nil {
		return fmt.Errorf("look at %s: %w", schema.StreamCalls, err)
	}
	w.add("calls", count, calls)
	w.add("database", store, database)
	w.add("stream", store, float64(stream.CachedInfo().State.Bytes)/1024)
	return nil
}

// role samples a process by its own metrics.
func (w *watch) role(ctx context.Context, r *role) error {
	families, err := r.metrics(ctx)
	if err != nil {
		return fmt.Errorf("read the metrics of callstream %s: %w", r.name, err)
	}
	name := strings.TrimPrefix(r.name, "consume ")
	w.add(name+" memory", memory, families["process_resident_memory_bytes"]/(1<<20))
	w.add(name+" goroutines", handles, families["go_goroutines"])
	w.add(name+" file descriptors", handles, families["process_open_fds"])
	return nil
}

func (w *watch) add(name string, kind kind, value float64) {
	if w.series[name] == nil {
		w.series[name] = &sample{kind: kind}
		w.names = append(w.names, name)
	}
	w.series[name].values = append(w.series[name].values, value)
}

// metrics returns the process's gauges by name.
func (r *role) metrics(ctx context.Context) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/metrics", nil)
	if err != nil {
		return nil, err //nolint:wrapcheck // cannot be
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it did
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	gauges := map[string]float64{}
	for _, name := range []string{"process_resident_memory_bytes", "go_goroutines", "process_open_fds"} {
		family := families[name]
		if family == nil || len(family.GetMetric()) != 1 {
			return nil, errors.New("there is no " + name)
		}
		gauges[name] = family.GetMetric()[0].GetGauge().GetValue()
	}
	return gauges, nil
}

// files counts the process's open files, 0 where the system does not say.
func (r *role) files() int {
	entries, _ := os.ReadDir(r.proc("fd")) // then 0
	return len(entries)
}

// databaseSize returns the size of the world's database in kilobytes.
func (w *world) databaseSize(ctx context.Context) (float64, error) {
	var bytes int64
	if err := w.pool.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes); err != nil {
		return 0, fmt.Errorf("measure the database: %w", err)
	}
	return float64(bytes) / 1024, nil
}
