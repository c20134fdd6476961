package eventsink

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

const (
	attempts  = 3   // to go on from what is at Twilio when it changes underneath
	sinkLimit = 100 // sinks that Twilio lets an account have
)

// Setup has Twilio deliver the organization's events of a kind to callstream,
// and tests that they arrive. What is there already is used; a repeat goes on
// where an interrupted set-up stopped. That the test event did not arrive is
// told in the result and is no error.
//
// Errors: [schema.NotFound] when the organization has no Twilio settings,
// [schema.Unauthorized] when Twilio does not take their credentials,
// [schema.Refused] when it offers none of the event types or the account has as
// many sinks as it may, [schema.Conflict] when others keep at the same sinks.
// Whatever the error, what is stored as active is known to be there.
func (s *Sinks) Setup(ctx context.Context, orgID string, kind schema.EventKind) (schema.SinkSetup, error) {
	setup, err := s.settle(ctx, orgID, kind, (*errand).setup)
	if err != nil {
		return schema.SinkSetup{}, fmt.Errorf("set up %s events of organization %s: %w", kind, orgID, err)
	}
	return setup, nil
}

// settle does the work in turn, then tests the sink: nobody else has to wait
// for a test event.
func (s *Sinks) settle(ctx context.Context, orgID string, kind schema.EventKind,
	work func(*errand, context.Context) (schema.SinkSetup, error),
) (setup schema.SinkSetup, err error) {
	var e *errand
	err = s.turn(ctx, orgID, kind, func(ctx context.Context) (err error) {
		if e, err = s.errand(ctx, orgID, kind); err != nil {
			return err
		}
		setup, err = work(e, ctx)
		return explained(e.account, err)
	})
	if err != nil {
		return setup, err
	}
	setup.Test = e.test(ctx, setup.SinkSID)
	return setup, nil
}

func (e *errand) setup(ctx context.Context) (schema.SinkSetup, error) {
	o, err := e.offered(ctx)
	if err != nil {
		return schema.SinkSetup{}, err
	}
	for range attempts {
		var setup schema.SinkSetup
		setup, err = e.converge(ctx, o)
		if !errors.Is(err, schema.ErrSinkInUse) && schema.CodeOf(err) != schema.NotFound {
			return setup, err
		}
	}
	return schema.SinkSetup{}, schema.Errorf(schema.Conflict,
		"sinks and subscriptions of account %s change while they are set up; try again when nobody else is at them: %w", e.account.AccountSID, err)
}

// converge goes on from what is at Twilio now: it finds or makes a subscription,
// removes what else is ours, and stores the result last. An error says that a
// sink in use or a thing not found got in the way when somebody else was there
// in between.
func (e *errand) converge(ctx context.Context, o *offer) (schema.SinkSetup, error) {
	present, err := e.present(ctx)
	if err != nil {
		return schema.SinkSetup{}, err
	}
	sub, reused, err := e.subscribed(ctx, present, o)
	if err != nil {
		return schema.SinkSetup{}, err
	}
	if reused {
		err = e.correct(ctx, sub.SID, o)
	} else {
		sub, err = e.subscribeSink(ctx, present, o)
	}
	if err != nil {
		return schema.SinkSetup{}, err
	}
	// The stored sink may be among the leftovers, and is known by nothing else.
	if err := e.tidy(ctx, present, sub.SinkSID); err != nil {
		return schema.SinkSetup{}, err
	}
	return e.settled(ctx, sub, reused, o)
}

// settled stores the subscription as active.
func (e *errand) settled(ctx context.Context, sub schema.Subscription, reused bool, o *offer) (schema.SinkSetup, error) {
	err := e.save(ctx, schema.EventStreaming{Active: true, SinkSID: sub.SinkSID, SubscriptionSID: sub.SID})
	return schema.SinkSetup{
		Kind: e.kind, Destination: withoutCredentials(e.destination), SinkSID: sub.SinkSID, SubscriptionSID: sub.SID,
		Reused: reused, Types: o.names(), Missing: o.missing,
	}, err
}

// subscribed finds the subscription to keep, of a sink that delivers here: the
// stored one, else one that bears our mark, else one that somebody made with
// just the types that are wanted.
func (e *errand) subscribed(ctx context.Context, present inventory, o *offer) (sub schema.Subscription, found bool, err error) {
	var alike []schema.Subscription
	for _, s := range present.subscriptions {
		sink, ok := present.sink(s.SinkSID)
		stored := s.SID == e.stored.SubscriptionSID
		switch {
		case !ok, !e.delivers(sink):
		case stored && sink.Status != sinkFailed:
			return s, true, nil
		case sink.Status != schema.SinkActive:
		case s.Description == e.mark():
			sub, found = s, true
		default:
			alike = append(alike, s)
		}
	}
	if found {
		return sub, true, nil
	}
	for _, s := range alike {
		types, err := e.Twilio.ListSubscribedTypes(ctx, e.account, s.SID)
		if err != nil || o.matches(types) {
			return s, err == nil, err
		}
	}
	return schema.Subscription{}, false, nil
}

// subscribeSink subscribes a sink that delivers here and has no subscription,
// or a new one.
func (e *errand) subscribeSink(ctx context.Context, present inventory, o *offer) (schema.Subscription, error) {
	free := slices.IndexFunc(present.sinks, func(s schema.Sink) bool {
		return e.delivers(s) && s.Status == schema.SinkActive && len(present.of(s.SID)) == 0
	})
	if free >= 0 {
		return e.subscribe(ctx, present.sinks[free].SID, o)
	}
	sink, err := e.Twilio.CreateSink(ctx, e.account, e.mark(), e.destination)
	if schema.CodeOf(err) == schema.Refused && len(present.sinks) >= sinkLimit {
		err = schema.Errorf(schema.Refused, "%w; %d of the account's %d sinks have no subscription: "+
			"delete those that nobody needs in the Twilio console, under Event Streams, and set up again", err, present.unused(), len(present.sinks))
	}
	if err != nil {
		return schema.Subscription{}, err
	}
	return e.subscribe(ctx, sink.SID, o)
}
