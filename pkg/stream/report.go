package stream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
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

// shared registers c, or returns the one that another runner registered.
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

// report writes the message's one line: quiet when all is well, louder the
// more somebody has to look.
func (r *Runner) report(ctx context.Context, j *job, v fate, err, failed error) {
	took := time.Since(j.begun)
	r.metrics.messages.WithLabelValues(r.Durable.Name, v.action.String()).Inc()
	r.metrics.seconds.WithLabelValues(r.Durable.Name).Observe(took.Seconds())
	level := slog.LevelDebug
	var crash *panicked
	switch {
	case v.action == dead, errors.As(err, &crash):
		level = slog.LevelError
	case v.action == again && !v.free:
		level = slog.LevelWarn
	}
	if !r.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("consumer", r.Durable.Name), slog.String("subject", j.subject), slog.Uint64("seq", j.seq),
		slog.String("msg_id", j.header.Get("Nats-Msg-Id")), slog.String("call_sid", j.header.Get(schema.HeaderCall)),
		slog.String("recording_sid", j.header.Get(schema.HeaderRecording)), slog.String("org", j.header.Get(schema.HeaderOrg)),
		slog.Int("deliveries", j.attempts), slog.String("outcome", v.action.String()), slog.Duration("took", took),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if v.action == again {
		attrs = append(attrs, slog.Duration("again_in", v.after))
	}
	if v.reason != "" {
		attrs = append(attrs, slog.String("reason", v.reason))
	}
	if crash != nil {
		attrs = append(attrs, slog.String("stack", string(crash.stack)))
	}
	if failed != nil {
		attrs = append(attrs, slog.String("close_error", failed.Error()))
	}
	r.Logger.LogAttrs(ctx, level, "message", attrs...)
}
