package stream

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// Durable declares a durable consumer of CALLS and how its runners work.
type Durable struct {
	Name          string
	Description   string
	Filters       []string
	AckWait       time.Duration   // after which an unanswered message is delivered again; runners send heartbeats in between
	MaxAckPending int             // messages in flight over all runners
	Backoff       []time.Duration // wait after the first, second, ... failed attempt; the last repeats; none: a second
	MaxAttempts   int             // after that many the message is a dead letter
	Workers       int             // handlers at once in one runner; 0: one
	Batch         int             // messages per handler; 0: one at a time
	BatchWait     time.Duration   // how long a batch may wait to fill; 0: 5 ms
}

// parkAfter is the longest wait that the broker is asked to keep: a message
// that waits there holds one of MaxAckPending.
const parkAfter = time.Minute

// validate returns an [schema.Invalid] error for what cannot work.
func (d Durable) validate() error {
	switch {
	case !isToken(d.Name):
		return schema.Errorf(schema.Invalid, "durable %q: a name is letters, digits, - and _", d.Name)
	case len(d.Filters) == 0:
		return schema.Errorf(schema.Invalid, "durable %s has no filter", d.Name)
	case d.AckWait <= 0, d.MaxAckPending <= 0, d.MaxAttempts <= 0:
		return schema.Errorf(schema.Invalid, "durable %s: AckWait, MaxAckPending and MaxAttempts have to be set", d.Name)
	case d.Workers < 0, d.Batch < 0, d.BatchWait < 0, len(d.Backoff) > 0 && slices.Min(d.Backoff) < 0:
		return schema.Errorf(schema.Invalid, "durable %s: Workers, Batch, BatchWait and Backoff cannot be negative", d.Name)
	}
	return nil
}

// backoff returns the wait after the given attempt, up to a quarter shorter so
// that what failed together does not come back together. It is never longer
// than declared: a declared minute is kept by the broker, more is not.
func (d Durable) backoff(attempt int) time.Duration {
	step := time.Second
	if len(d.Backoff) > 0 {
		step = d.Backoff[min(max(attempt, 1), len(d.Backoff))-1]
	}
	return step - time.Duration(rand.Int64N(int64(step)/4+1)) //nolint:gosec // spreads load
}

// config is the server's side of the declaration. There is no BackOff, which
// would bend NakWithDelay, and no MaxDeliver, by which the server would forget
// messages silently.
func (d Durable) config() jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:        d.Name,
		Name:           d.Name,
		Description:    d.Description,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        d.AckWait,
		MaxDeliver:     -1,
		MaxAckPending:  d.MaxAckPending,
		FilterSubjects: d.Filters,
		ReplayPolicy:   jetstream.ReplayInstantPolicy,
		Metadata:       map[string]string{"managed-by": "callstream"},
	}
}
