package twilio

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// metrics counts operations and their time. The labels are operations and
// codes, never a SID.
type metrics struct {
	operations *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_twilio_operations_total",
			Help: "Operations at Twilio by outcome: ok or an error's code.",
		}, []string{"operation", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "callstream_twilio_operation_seconds",
			Help:    "Time of an operation at Twilio, the wait for the account's turn included; of a download until its first byte.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30},
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

// register takes over the collector of an earlier client: several roles in one
// process count together.
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
	return collector, fmt.Errorf("register metrics of Twilio: %w", err)
}

func (m *metrics) observe(operation string, err error, took time.Duration) {
	outcome := "ok"
	if err != nil {
		outcome = string(schema.CodeOf(err))
	}
	m.operations.WithLabelValues(operation, outcome).Inc()
	m.seconds.WithLabelValues(operation).Observe(took.Seconds())
}
