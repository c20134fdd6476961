package eventsink

import (
	"context"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// sinkFailed is the status of a sink that Twilio has given up.
const sinkFailed = "failed"

// inventory is what an account has at Twilio.
type inventory struct {
	sinks         []schema.Sink
	subscriptions []schema.Subscription
}

// inventory lists sinks before subscriptions: a sink that is listed without one
// may have got one since, which Twilio tells whoever subscribes it.
func (e *errand) inventory(ctx context.Context) (inventory, error) {
	sinks, err := e.Twilio.ListSinks(ctx, e.account)
	if err != nil {
		return inventory{}, err
	}
	subscriptions, err := e.Twilio.ListSubscriptions(ctx, e.account, "")
	if err != nil {
		return inventory{}, err
	}
	return inventory{sinks: sinks, subscriptions: subscriptions}, nil
}

// present is what is at Twilio, the stored subscription included, which is
// asked for by its SID: lists may lag.
func (e *errand) present(ctx context.Context) (inventory, error) {
	held, found, err := e.recall(ctx)
	if err != nil {
		return inventory{}, err
	}
	present, err := e.inventory(ctx)
	if err != nil {
		return inventory{}, err
	}
	listed := slices.ContainsFunc(present.subscriptions, func(s schema.Subscription) bool { return s.SID == held.SID })
	if found && !listed {
		present.subscriptions = append(present.subscriptions, held)
	}
	return present, nil
}

// recall fetches the stored subscription, if there is one. One that Twilio does
// not know any more is stored as not active at once: it is not, whatever becomes
// of the operation. Its sink may be there still.
func (e *errand) recall(ctx context.Context) (held schema.Subscription, found bool, err error) {
	if e.stored.SubscriptionSID == "" {
		return held, false, nil
	}
	held, err = e.Twilio.FetchSubscription(ctx, e.account, e.stored.SubscriptionSID)
	if schema.CodeOf(err) == schema.NotFound {
		return held, false, e.save(ctx, schema.EventStreaming{SinkSID: e.stored.SinkSID})
	}
	return held, err == nil, err
}

// sink returns the sink with the SID.
func (i inventory) sink(sid string) (schema.Sink, bool) {
	at := slices.IndexFunc(i.sinks, func(s schema.Sink) bool { return s.SID == sid })
	if at < 0 {
		return schema.Sink{}, false
	}
	return i.sinks[at], true
}

// of returns the subscriptions of a sink: one, or none.
func (i inventory) of(sinkSID string) []schema.Subscription {
	var found []schema.Subscription
	for _, s := range i.subscriptions {
		if s.SinkSID == sinkSID {
			found = append(found, s)
		}
	}
	return found
}

// unused counts the sinks without a subscription.
func (i inventory) unused() int {
	count := 0
	for _, s := range i.sinks {
		if len(i.of(s.SID)) == 0 {
			count++
		}
	}
	return count
}

// delivers reports whether the sink brings events to the errand's URL in the
// way that callstream takes them, whoever made it.
func (e *errand) delivers(s schema.Sink) bool {
	return s.Type == schema.SinkWebhook && sameDestination(s.Destination, e.destination) &&
		(s.Method == "" || strings.EqualFold(s.Method, "POST"))
}

// ours reports whether the sink is the stored one, or delivers here and is one
// that a set-up made or subscribed, and nobody else has subscribed it.
func (e *errand) ours(present inventory, s schema.Sink) bool {
	marked := s.Description == e.mark()
	for _, sub := range present.of(s.SID) {
		if !e.made(sub) {
			return false
		}
		marked = true
	}
	return s.SID == e.stored.SinkSID || (marked && e.delivers(s))
}

// subscribedBy reports whether the subscription is ours.
func (e *errand) made(s schema.Subscription) bool {
	return s.Description == e.mark() || s.SID == e.stored.SubscriptionSID
}

// leftovers are the sinks that are ours but for the one in use.
func (e *errand) leftovers(present inventory, inUse string) []schema.Sink {
	var found []schema.Sink
	for _, s := range present.sinks {
		if s.SID != inUse && e.ours(present, s) {
			found = append(found, s)
		}
	}
	return found
}
