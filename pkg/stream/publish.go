package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// patience says how long a publish waits for what.
type patience struct {
	budget time.Duration // all tries together, where ctx has no deadline
	try    time.Duration // one try: a lost quorum does not answer at all
	pause  time.Duration // before the second try: a duplicate in flight settles within; doubles up to tenfold
	down   time.Duration // with the connection away: a failover to the next server takes less
}

func defaultPatience() patience {
	return patience{budget: 3 * time.Second, try: time.Second, pause: 50 * time.Millisecond, down: time.Second}
}

// apiTimeout bounds a request about streams and durables without a deadline.
const apiTimeout = 5 * time.Second

type publishMetrics struct {
	seconds prometheus.Histogram
}

func newPublishMetrics(r prometheus.Registerer) publishMetrics {
	return publishMetrics{seconds: shared(r, prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "callstream_publish_seconds",
		Help:    "From the call of Publish to the last acknowledgement, or to giving up.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
	}))}
}

// Publish stores the events in CALLS and returns nil when JetStream has
// acknowledged all of them; a duplicate is an acknowledgement. It tries again
// until ctx's deadline, or for three seconds if it has none. If some are not
// acknowledged by then the error is [schema.Unavailable], and publishing all of
// them again is harmless, since message ids name facts. While
// JetStream is known to be away it fails at once. An event that cannot be
// stored whatever one does is [schema.Invalid]; if it cannot even be encoded,
// nothing is published. Under the context of a replay that may not publish, it
// only counts.
func (c *Conn) Publish(ctx context.Context, events ...schema.Event) error {
	messages := make([]*nats.Msg, len(events))
	for i, e := range events {
		m, err := message(e)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	if withheld(ctx, len(messages)) {
		return nil
	}
	spans := c.announce(ctx, events, messages)
	err := c.publish(ctx, schema.StreamCalls, messages)
	announced(spans, err)
	return err
}

// DeadLetter stores the letters in DEADLETTERS, under the same contract as
// [Conn.Publish]. A letter without a MsgID gets one that names the death: the
// durable and the message, or, for what never was in CALLS, the bytes. Of a
// message that CALLS keeps and that is too large to be stored with its reason,
// everything but the bytes is stored.
func (c *Conn) DeadLetter(ctx context.Context, letters ...schema.DeadLetter) error {
	messages := make([]*nats.Msg, len(letters))
	for i, l := range letters {
		m := letter(l)
		if l.Sequence > 0 && int64(m.Size()) > c.nc.MaxPayload() {
			m.Data = nil
		}
		messages[i] = m
	}
	return c.publish(ctx, schema.StreamDeadLetters, messages)
}

// publish tries until every message is acknowledged or refused for good, or
// the time is over.
func (c *Conn) publish(ctx context.Context, stream string, messages []*nats.Msg) error {
	started := time.Now()
	defer func() { c.metrics.seconds.Observe(time.Since(started).Seconds()) }()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience.budget)
		defer cancel()
	}
	var refused, missing error
	for wait := c.patience.pause; len(messages) > 0; wait = min(2*wait, 10*c.patience.pause) {
		errs := c.try(ctx, stream, messages)
		var again []*nats.Msg
		for i, err := range errs {
			switch {
			case err == nil:
			case permanent(err):
				refused = errors.Join(refused, schema.Errorf(schema.Invalid, "publish %s to %s: %w", messages[i].Subject, stream, err))
			default:
				again = append(again, messages[i])
				missing = telling(missing, err)
			}
		}
		if messages = again; len(messages) == 0 {
			break
		}
		if c.hopeless(time.Now()) || !sleep(ctx, wait) {
			return errors.Join(schema.Errorf(schema.Unavailable, "publish to %s: %d not acknowledged: %w", stream, len(messages), missing), refused)
		}
	}
	return refused
}

// telling returns the error that says more: what the server answered rather
// than that time ran out, and otherwise the later one.
func telling(earlier, later error) error {
	if earlier != nil && !timedOut(earlier) && timedOut(later) {
		return earlier
	}
	return later
}

// try publishes the messages once and returns an error for each, nil for those
// that are acknowledged.
func (c *Conn) try(ctx context.Context, stream string, messages []*nats.Msg) []error {
	errs := make([]error, len(messages))
	if err := c.closedTo(time.Now()); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if len(messages) == 1 {
		errs[0] = c.tryOne(ctx, stream, messages[0])
	} else {
		c.tryAll(ctx, stream, messages, errs)
	}
	c.judge(ctx, errs)
	return errs
}

// The reasons not to try at all.
var (
	errDown   = errors.New("not connected to NATS")
	errSilent = errors.New("JetStream does not answer")
)

// closedTo says why a publish is not worth a try now. Without a connection the
// client would take the message and send it whenever the connection is back,
// long after its publisher was told that it is not stored.
func (c *Conn) closedTo(now time.Time) error {
	switch {
	case c.nc.IsClosed():
		return nats.ErrConnectionClosed
	case c.link.downFor(now) > 0:
		return errDown
	case !c.breaker.allow(now):
		return errSilent
	}
	return nil
}

// hopeless reports whether waiting for another try would only keep the caller:
// the connection has been away, or the stream without a leader, for longer than
// it takes to move to another server, or the breaker is open.
func (c *Conn) hopeless(now time.Time) bool {
	return c.nc.IsClosed() || c.link.downFor(now) > c.patience.down || c.breaker.open(now)
}

// sleep waits and reports whether ctx lived on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
