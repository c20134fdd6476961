package eventsink

import (
	"context"

	"github.com/loquent/callstream/schema"
)

// twilio is what is done at Twilio, in the account that is passed.
type twilio interface {
	catalogue
	inspector
	sinkMaker
	subscriber
}

// catalogue looks up what can be subscribed to and what a subscription has.
// The look-up of an unknown type is [schema.ErrUnknownEventType].
type catalogue interface {
	FetchEventType(ctx context.Context, a schema.Account, eventType string) (schema.TwilioEventType, error)
	ListSubscribedTypes(ctx context.Context, a schema.Account, subscriptionSID string) ([]schema.SubscribedType, error)
}

// inspector sees what an account has. Lists are whole, whatever their length.
type inspector interface {
	ListSinks(ctx context.Context, a schema.Account) ([]schema.Sink, error)
	ListSubscriptions(ctx context.Context, a schema.Account, sinkSID string) ([]schema.Subscription, error)
	FetchSubscription(ctx context.Context, a schema.Account, subscriptionSID string) (schema.Subscription, error)
}

// sinkMaker makes, tests and deletes sinks. A sink with a subscription cannot
// be deleted: [schema.ErrSinkInUse].
type sinkMaker interface {
	CreateSink(ctx context.Context, a schema.Account, description, destination string) (schema.Sink, error)
	TestSink(ctx context.Context, a schema.Account, sinkSID string) error
	DeleteSink(ctx context.Context, a schema.Account, sinkSID string) (alreadyGone bool, err error)
}

// subscriber makes, changes and ends subscriptions. A sink that has one takes
// no second: [schema.ErrSinkInUse].
type subscriber interface {
	CreateSubscription(ctx context.Context, a schema.Account, sinkSID, description string, types []schema.SubscribedType) (schema.Subscription, error)
	UpdateEventSubscription(ctx context.Context, a schema.Account, subscriptionSID string, types []schema.SubscribedType) (changed bool, err error)
	DeleteEventSubscription(ctx context.Context, a schema.Account, subscriptionSID string) (alreadyGone bool, err error)
}
