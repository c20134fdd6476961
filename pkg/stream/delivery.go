package stream

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

// Delivery is an event on its way to a handler, with where it lies in CALLS.
type Delivery struct {
	Event       schema.Event
	Sequence    uint64    // in CALLS
	StoredAt    time.Time // when CALLS stored it
	Attempt     int       // this one included
	Redelivered bool      // an earlier attempt may have got anywhere
	Replay      Replaying // the zero value: live
}

// Replaying says that a delivery comes from a replay of history, and what its
// operator wants.
type Replaying struct {
	Active      bool
	Force       bool // work that is done already is to be done again
	SideEffects bool // what others cannot undo may be done: recordings started, deleted at Twilio
}

// MayAct reports whether the handler may do what others cannot undo. A live
// delivery always may.
func (d Delivery) MayAct() bool { return !d.Replay.Active || d.Replay.SideEffects }

type deliveryKey struct{}

// WithDelivery returns ctx with d, as handlers find it.
func WithDelivery(ctx context.Context, d Delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

// DeliveryFrom returns the delivery that a handler works on; the zero value
// outside a handler.
func DeliveryFrom(ctx context.Context) Delivery {
	d, _ := ctx.Value(deliveryKey{}).(Delivery)
	return d
}

// Handler handles one event. What it returns decides what becomes of the
// message; see the package's table.
type Handler func(ctx context.Context, e schema.Event) error

// BatchHandler handles several events at once and returns one result per
// delivery in the same order, or nil if all went well.
type BatchHandler func(ctx context.Context, deliveries []Delivery) []error

// Handle makes a Handler of one that takes a concrete event. Another event is
// a dead letter: the durable's filter lets through what it should not.
func Handle[E schema.Event](fn func(context.Context, E) error) Handler {
	return func(ctx context.Context, e schema.Event) error {
		event, ok := e.(E)
		if !ok {
			return Terminal(schema.Errorf(schema.Invalid, "a handler of %T was given %s", event, e.Kind()))
		}
		return fn(ctx, event)
	}
}
