package stream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// report counts the message and writes its one line: quiet when all is well,
// louder the more somebody has to look.
func (r *Runner) report(ctx context.Context, j *job, f fate, err, failed error) {
	took := time.Since(j.begun)
	r.metrics.messages.WithLabelValues(r.Durable.Name, f.outcome()).Inc()
	r.metrics.seconds.WithLabelValues(r.Durable.Name).Observe(took.Seconds())
	j.followed(f, err, failed)
	level := loudness(f, err, failed)
	if !r.Logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("consumer", r.Durable.Name),
		slog.String("subject", j.subject),
		slog.Uint64("seq", j.seq),
		slog.String("msg_id", j.header.Get(jetstream.MsgIDHeader)),
		slog.String("call_sid", j.header.Get(schema.HeaderCall)),
		slog.String("recording_sid", j.header.Get(schema.HeaderRecording)),
		slog.String("org", j.header.Get(schema.HeaderOrg)),
		slog.Int("deliveries", max(j.deliveries, j.attempts)),
		slog.String("outcome", f.outcome()),
		slog.Duration("took", took),
	}
	if id := j.traceID(); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	r.Logger.LogAttrs(ctx, level, "message", append(attrs, details(f, err, failed)...)...)
}

// loudness is the level of a message's line. A dead letter is an error, and so
// is a panic, which is a bug of ours.
func loudness(f fate, err, failed error) slog.Level {
	var crash *panicError
	switch {
	case f.action == dead, errors.As(err, &crash):
		return slog.LevelError
	case f.action == again && !f.snooze && !errors.Is(err, context.Canceled), failed != nil:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// details are the attributes of what did not go well.
func details(f fate, err, failed error) (attrs []slog.Attr) {
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	if f.action == again {
		attrs = append(attrs, slog.Duration("again_in", f.after))
	}
	if f.reason != "" {
		attrs = append(attrs, slog.String("reason", f.reason))
	}
	var crash *panicError
	if errors.As(err, &crash) {
		attrs = append(attrs, slog.String("stack", string(crash.stack)))
	}
	if failed != nil {
		attrs = append(attrs, slog.String("end_error", failed.Error()))
	}
	return attrs
}
