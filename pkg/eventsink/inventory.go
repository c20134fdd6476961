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

// ours reports whether the sink is one that a set-up made, be it this one or
// one that was interrupted.
func (e *errand) ours(s schema.Sink) bool { return s.Description == e.mark() && e.delivers(s) }

// leftovers are the sinks that are ours but for the one in use: the stored one
// and those of interrupted set-ups, unless somebody else has subscribed them.
func (e *errand) leftovers(present inventory, inUse string) []schema.Sink {
	var found []schema.Sink
	for _, s := range present.sinks {
		if s.SID != inUse && (e.ours(s) || s.SID == e.stored.SinkSID) &&
			!slices.ContainsFunc(present.of(s.SID), func(sub schema.Subscription) bool { return !e.oursToo(sub) }) {
			found = append(found, s)
		}
	}
	return found
}

// oursToo reports whether the subscription, of a sink that is ours, is too.
func (e *errand) oursToo(s schema.Subscription) bool {
	return s.Description == e.mark() || s.SID == e.stored.SubscriptionSID
}
