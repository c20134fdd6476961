package stream

import (
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Durable declares a durable consumer of CALLS and how its runners work.
type Durable struct {
	Name          string
	Description   string
	Filters       []string
	AckWait       time.Duration   // after which an unanswered message is delivered again; runners send heartbeats in between
	MaxAckPending int             // messages in flight over all runners
	Backoff       []time.Duration // wait after the first, second, ... failed attempt; the last repeats
	MaxAttempts   int             // after that many the message is a dead letter
	Workers       int             // handlers at once in one runner
	Batch         int             // messages per handler; 0: one at a time
	BatchWait     time.Duration   // how long a batch may wait to fill
}

// parkAfter is the longest wait that the broker is asked to keep: a message
// that waits there holds one of MaxAckPending.
const parkAfter = time.Minute

// backoff returns the wait after the given attempt, spread by a fifth so that
// what failed together does not come back together.
func (d Durable) backoff(attempt int) time.Duration {
	if len(d.Backoff) == 0 {
		return time.Second
	}
	base := d.Backoff[min(max(attempt, 1), len(d.Backoff))-1]
	return base + time.Duration(rand.Int64N(int64(base)/5+1)) //nolint:gosec // spreads load
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
