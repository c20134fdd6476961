package whisper

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// metrics count requests and the audio in them: OpenAI bills by its seconds.
type metrics struct {
	audio    prometheus.Counter
	silent   prometheus.Counter
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		audio: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callstream_transcription_audio_seconds_total",
			Help: "Seconds of audio in answered requests.",
		}),
		silent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "callstream_transcription_silent_segments_total",
			Help: "Segments left out because they hold no speech.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_transcription_requests_total",
			Help: "Requests by outcome: ok or an error's code.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "callstream_transcription_request_seconds",
			Help:    "Time of a request, upload included.",
			Buckets: []float64{.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900},
		}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(
		register(registerer, &m.audio),
		register(registerer, &m.silent),
		register(registerer, &m.requests),
		register(registerer, &m.seconds))
}

// register takes over the collector of an earlier client: several in one
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

func (m *metrics) observe(err error, took time.Duration) {
	outcome := "ok"
	if err != nil {
		outcome = string(schema.CodeOf(err))
	}
	m.requests.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}
