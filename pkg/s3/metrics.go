package s3

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// outcomeBody is the outcome of a put whose body could not be read: that is no
// failure of the bucket's.
const outcomeBody = "body"

// metrics counts operations and their time. The labels are operations and
// codes, never a key.
type metrics struct {
	operations *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_s3_operations_total",
			Help: "Operations on the bucket by outcome: ok, an error's code, or body when what was to be put could not be read.",
		}, []string{"operation", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "callstream_s3_operation_seconds",
			Help:    "Time of an operation on the bucket: of put until the object is stored, of get until its first byte.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}, []string{"operation"}),
	}
	if registerer == nil {
		return m, nil
	}
	var err error
	if m.operations, err = register(registerer, m.operations); err != nil {
		return nil, err
	}
	m.seconds, err = register(registerer, m.seconds)
	return m, err
}

// register takes over the collector of an earlier store: several in one process
// count together.
func register[C prometheus.Collector](registerer prometheus.Registerer, collector C) (C, error) {
	err := registerer.Register(collector)
	if err == nil {
		return collector, nil
	}
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if earlier, ok := already.ExistingCollector.(C); ok {
			return earlier, nil
		}
	}
	return collector, fmt.Errorf("register metrics of S3: %w", err)
}

// observe counts an operation that began at start and ended with err.
func (m *metrics) observe(operation string, start time.Time, err error) {
	outcome := "ok"
	if err != nil {
		outcome = string(schema.CodeOf(err))
	}
	m.count(operation, start, outcome)
}

func (m *metrics) count(operation string, start time.Time, outcome string) {
	m.operations.WithLabelValues(operation, outcome).Inc()
	m.seconds.WithLabelValues(operation).Observe(time.Since(start).Seconds())
}
