package stream

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/loquent/callstream/schema"
)

// ReplayConfig is what a replay works with.
type ReplayConfig struct {
	Spec    schema.ReplaySpec
	Durable Durable               // whose filters, workers and batches the replay has; it need not exist
	Handler Handler               // for a durable that works one at a time
	Batch   BatchHandler          // for one that works in batches
	Resume  schema.ReplayProgress // of the same replay, interrupted; the zero value begins anew

	// Index finds the messages of a call or recording without reading the stream.
	// It may know only of those that some consumer has finished; nil reads.
	Index SequenceIndex

	// Each is told of every message that was done or has failed, one at a time,
	// in the order in which they end; nil is allowed.
	Each func(Replayed)
	// Progress is told now and then how far the replay is, and at its end; nil is
	// allowed.
	Progress func(Progress)
	// Checkpoint keeps the progress, now and then and at the end. Its error stops
	// the replay, unless it is [schema.Unavailable] and passes; nil is allowed.
	Checkpoint func(context.Context, schema.ReplayProgress) error

	Logger          *slog.Logger    // nil: silence
	Backoff         []time.Duration // between tries of what may heal; nil: five tries in some 20 seconds
	ProgressEvery   time.Duration   // 0: 200 ms
	CheckpointEvery time.Duration   // 0: 2 s
}

// SequenceIndex knows where the messages of a call or recording lie in CALLS.
type SequenceIndex interface {
	// EventSequences returns the sequences of the events that are about the call
	// and the recording; an empty SID selects all. The order is free.
	EventSequences(ctx context.Context, callSID, recordingSID string) ([]uint64, error)
}

// Replayed is a message of a replay that has come to its end.
type Replayed struct {
	Delivery Delivery // without an Event if it could not be decoded
	Subject  string
	Err      error // nil: done, or in a dry run: to be done
}

// Progress is how far a replay is and how fast it goes.
type Progress struct {
	schema.ReplayProgress
	Rate      float64       `json:"rate"`         // messages a second, those skipped included
	Remaining time.Duration `json:"remaining_ns"` // at this rate; zero while there is none
}

func (c *Conn) newReplay(config ReplayConfig) (*replay, error) {
	if err := config.Spec.Check(); err != nil {
		return nil, err
	}
	switch {
	case config.Spec.Consumer != config.Durable.Name:
		return nil, schema.Errorf(schema.Invalid, "a replay of %s was given durable %s", config.Spec.Consumer, config.Durable.Name)
	case (config.Handler == nil) == (config.Batch == nil):
		return nil, schema.Errorf(schema.Invalid, "a replay needs either a Handler or a Batch")
	}
	r := &replay{
		ReplayConfig: config, conn: c,
		hands: hands{handler: config.Handler, batch: config.Batch, abandon: make(chan struct{})},
	}
	r.setDefaults()
	for _, filter := range r.Durable.Filters {
		if r.Spec.Subject != "" {
			var ok bool
			if filter, ok = narrow(filter, r.Spec.Subject); !ok {
				continue
			}
		}
		r.filters = append(r.filters, filter)
	}
	if len(r.filters) == 0 {
		return nil, schema.Errorf(schema.Invalid, "%s reads nothing under subject %s (it reads %v)", r.Durable.Name, r.Spec.Subject, r.Durable.Filters)
	}
	return r, nil
}

func (r *replay) setDefaults() {
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if r.Backoff == nil {
		r.Backoff = []time.Duration{200 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
	}
	if r.ProgressEvery == 0 {
		r.ProgressEvery = 200 * time.Millisecond
	}
	if r.CheckpointEvery == 0 {
		r.CheckpointEvery = 2 * time.Second
	}
	r.Durable.Workers = max(r.Durable.Workers, 1)
	if r.Batch == nil {
		r.Durable.Batch = 1
	}
	limit := rate.Inf
	if r.Spec.Rate > 0 {
		limit = rate.Limit(r.Spec.Rate)
		r.Durable.Batch = min(r.Durable.Batch, max(int(r.Spec.Rate), 1)) // a second's worth
	}
	r.Durable.Batch = max(r.Durable.Batch, 1)
	r.limit = rate.NewLimiter(limit, r.Durable.Batch)
}
