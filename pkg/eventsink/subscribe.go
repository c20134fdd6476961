package eventsink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// refused reports whether Twilio will not have a type, or its version. Which
// one of several it was, Twilio does not say in a form to rely on.
func refused(err error) bool {
	return errors.Is(err, schema.ErrUnknownEventType) || schema.CodeOf(err) == schema.Refused
}

// fallbacks are the ways to ask for a type, the wanted one first.
func fallbacks(t schema.SubscribedType) []schema.SubscribedType {
	if t.Version == 0 {
		return []schema.SubscribedType{t}
	}
	return []schema.SubscribedType{t, {Type: t.Type}}
}

// subscribe subscribes the sink to what is on offer. Where Twilio refuses that,
// the first type that it takes alone makes the subscription, and the others are
// added as far as they are taken.
func (e *errand) subscribe(ctx context.Context, sinkSID string, o *offer) (schema.Subscription, error) {
	create := func(types ...schema.SubscribedType) (schema.Subscription, error) {
		return e.Twilio.CreateSubscription(ctx, e.account, sinkSID, e.mark(), types)
	}
	sub, err := create(o.types...)
	if !refused(err) {
		return sub, err
	}
	for _, t := range slices.Clone(o.types) {
		for _, asked := range fallbacks(t) {
			sub, err = create(asked)
			if err == nil {
				return sub, e.correct(ctx, sub.SID, o)
			}
			if !refused(err) {
				return sub, err
			}
		}
		o.without(t.Type)
	}
	return sub, e.nothingTaken(err)
}

// correct makes the subscription's types those on offer. Where Twilio refuses
// that, each is asked for by itself, first all that are missing, so that
// nothing is unsubscribed before its successor is there.
func (e *errand) correct(ctx context.Context, subscriptionSID string, o *offer) error {
	update := func(types []schema.SubscribedType) error {
		_, err := e.Twilio.UpdateEventSubscription(ctx, e.account, subscriptionSID, types)
		return err
	}
	refusal := update(o.types)
	if !refused(refusal) {
		return refusal
	}
	held, err := e.Twilio.ListSubscribedTypes(ctx, e.account, subscriptionSID)
	if err != nil {
		return err
	}
	for _, t := range slices.Clone(o.types) {
		if held, err = e.extend(held, t, o, update); err != nil {
			return err
		}
	}
	if len(o.types) == 0 {
		return e.nothingTaken(refusal)
	}
	return update(o.types)
}

// extend adds a type to those that the subscription has, in the version that
// Twilio takes, and returns all that it has then.
func (e *errand) extend(held []schema.SubscribedType, t schema.SubscribedType, o *offer, update func([]schema.SubscribedType) error) ([]schema.SubscribedType, error) {
	for _, asked := range fallbacks(t) {
		more := slices.DeleteFunc(slices.Clone(held), func(h schema.SubscribedType) bool { return h.Type == t.Type })
		more = append(more, asked)
		err := update(more)
		if err == nil {
			if asked.Version != t.Version {
				o.anyVersion(t.Type)
			}
			return more, nil
		}
		if !refused(err) {
			return held, err
		}
	}
	o.without(t.Type)
	return held, nil
}

// nothingTaken says that Twilio refused every type, one of them by err.
func (e *errand) nothingTaken(err error) error {
	return schema.Errorf(schema.Refused, "Twilio lets account %s subscribe to none of the event types of kind %s: %w", e.account.AccountSID, e.kind, err)
}

// tidy removes what is ours besides the sink in use: each subscription before
// its sink, as Twilio demands. What Twilio refuses for good is somebody's
// business, but not this operation's.
func (e *errand) tidy(ctx context.Context, present inventory, inUse string) error {
	for _, sink := range e.leftovers(present, inUse) {
		err := e.discard(ctx, sink.SID, present.of(sink.SID))
		if refused(err) || errors.Is(err, schema.ErrSinkInUse) {
			e.Logger.WarnContext(ctx, "an event sink is left over at Twilio", "org", e.org, "sink_sid", sink.SID, "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("remove a sink that is left over: %w", err)
		}
	}
	return nil
}

// discard ends the subscriptions, then deletes the sink. Whatever is gone
// already is fine.
func (e *errand) discard(ctx context.Context, sinkSID string, subscriptions []schema.Subscription) error {
	for _, sub := range subscriptions {
		if _, err := e.Twilio.DeleteEventSubscription(ctx, e.account, sub.SID); err != nil {
			return err
		}
	}
	_, err := e.Twilio.DeleteSink(ctx, e.account, sinkSID)
	return err
}
