package stream

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// runnerMetrics count what became of messages. Runners of one process share
// them.
type runnerMetrics struct {
	messages *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	dead     *prometheus.CounterVec
}

func newRunnerMetrics(r prometheus.Registerer) *runnerMetrics {
	return &runnerMetrics{
		messages: shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_messages_total",
			Help: "Messages by durable and by what became of them.",
		}, []string{"consumer", "outcome"})),
		seconds: shared(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "callstream_message_seconds",
			Help:    "From a message's arrival at the runner to its end.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 14),
		}, []string{"consumer"})),
		dead: shared(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_dead_letters_total",
			Help: "Dead letters by durable and reason.",
		}, []string{"consumer", "reason"})),
	}
}

// shared registers c, or returns the one that another runner or connection of
// this process registered.
func shared[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	var already prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &already) {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	return c
}
