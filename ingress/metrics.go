package ingress

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count requests, and what they told.
type metrics struct {
	requests *prometheus.CounterVec
	events   *prometheus.CounterVec
	voice    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_ingress_requests_total",
			Help: "Requests of Twilio's by route and status.",
		}, []string{"route", "status"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_ingress_events_total",
			Help: "Events in acknowledged requests by kind and outcome: stored, ignored, unknown or dead_letter.",
		}, []string{"kind", "outcome"}),
		voice: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_voice_answers_total",
			Help: "Answers to incoming calls: recorded, unrecorded, fallback, regret or refused.",
		}, []string{"answer"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "callstream_ingress_seconds",
			Help:    "Time from a request's head to its answer; Twilio waits five seconds.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 3, 4, 5},
		}, []string{"route"}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(
		register(registerer, &m.requests), register(registerer, &m.events), register(registerer, &m.voice), register(registerer, &m.seconds))
}

// register takes over the collector of an earlier Ingress: several in one
// process count together.
func register[C prometheus.Collector](registerer prometheus.Registerer, collector *C) error {
	err := registerer.Register(*collector)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if earlier, ok := already.ExistingCollector.(C); ok {
			*collector = earlier
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("register %T: %w", *collector, err)
	}
	return nil
}

func (m *metrics) observe(route string, res result, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(res.status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
	for _, v := range res.verdicts {
		m.events.WithLabelValues(v.kind, string(v.outcome)).Inc()
	}
}
