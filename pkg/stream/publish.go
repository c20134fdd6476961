package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

const (
	publishBudget = 3 * time.Second       // all tries of one Publish, where ctx has no earlier end
	publishTry    = 2 * time.Second       // one try: a lost quorum does not answer at all
	publishPause  = 50 * time.Millisecond // between tries: a duplicate in flight settles within
)

type publishMetrics struct {
	seconds prometheus.Histogram
}

func newPublishMetrics(r prometheus.Registerer) publishMetrics {
	m := publishMetrics{seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "callstream_publish_seconds",
		Help:    "From the call of Publish to the last acknowledgement.",
		Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
	})}
	if r != nil {
		r.MustRegister(m.seconds)
	}
	return m
}

// Publish stores the events in CALLS and returns when JetStream has
// acknowledged all of them; a duplicate is an acknowledgement. It tries again
// within ctx's budget (at most three seconds); what then is not acknowledged is
// [schema.Unavailable], and publishing all again is harmless, since message ids
// name facts. An event that cannot be encoded is [schema.Invalid] and nothing
// is published.
func (c *Conn) Publish(ctx context.Context, events ...schema.Event) error {
	messages := make([]*nats.Msg, len(events))
	for i, e := range events {
		m, err := message(e)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	return c.publish(ctx, schema.StreamCalls, messages)
}

// DeadLetter stores the letters in DEADLETTERS, under the same contract as
// [Conn.Publish].
func (c *Conn) DeadLetter(ctx context.Context, letters ...schema.DeadLetter) error {
	messages := make([]*nats.Msg, len(letters))
	for i, l := range letters {
		messages[i] = letter(l)
	}
	return c.publish(ctx, schema.StreamDeadLetters, messages)
}

// publish tries until every message is acknowledged or the budget is spent.
func (c *Conn) publish(ctx context.Context, stream string, messages []*nats.Msg) error {
	if len(messages) == 0 {
		return nil
	}
	started := time.Now()
	defer func() { c.metrics.seconds.Observe(time.Since(started).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, publishBudget)
	defer cancel()
	for {
		if !c.breaker.allow(time.Now()) {
			return schema.Errorf(schema.Unavailable, "publish to %s: JetStream has stopped answering", stream)
		}
		left, err := c.try(ctx, stream, messages)
		if err == nil {
			return nil
		}
		if permanent(err) {
			return schema.Errorf(schema.Invalid, "publish to %s: %w", stream, err)
		}
		messages = left
		select {
		case <-ctx.Done():
			return schema.Errorf(schema.Unavailable, "publish to %s: %w", stream, err)
		case <-time.After(publishPause):
		}
	}
}

// try publishes the messages once and returns those that were not
// acknowledged, with the errors.
func (c *Conn) try(ctx context.Context, stream string, messages []*nats.Msg) (left []*nats.Msg, err error) {
	each, cancel := context.WithTimeout(ctx, publishTry)
	defer cancel()
	if len(messages) == 1 {
		_, err := c.js.PublishMsg(each, messages[0], jetstream.WithExpectStream(stream), jetstream.WithRetryAttempts(0))
		c.breaker.answered(!silent(err), time.Now())
		return messages, err
	}
	var errs []error
	futures := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		// The client writes a reply subject and the options' headers into the
		// message, so a second try needs a fresh copy.
		fresh := &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
		if futures[i], err = c.js.PublishMsgAsync(fresh, jetstream.WithExpectStream(stream), jetstream.WithRetryAttempts(0)); err != nil {
			errs = append(errs, err)
			left = append(left, m)
		}
	}
	for i, future := range futures {
		if future == nil {
			continue
		}
		if err := await(each, future); err != nil {
			errs = append(errs, err)
			left = append(left, messages[i])
		}
	}
	err = errors.Join(errs...)
	c.breaker.answered(!silent(err), time.Now())
	return left, err
}

// await waits for one acknowledgement.
func await(ctx context.Context, future jetstream.PubAckFuture) error {
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silent reports errors by which nobody answered at all.
func silent(err error) bool {
	var api *jetstream.APIError
	return err != nil && !errors.As(err, &api) && !permanent(err)
}

// permanent reports errors that the same message will always meet. Error 10077
// is not one: it stands for a full stream as well as for other refusals to
// store, never for a duplicate.
func permanent(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject)
}
