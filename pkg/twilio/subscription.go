package twilio

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twilio/twilio-go/client"
	events "github.com/twilio/twilio-go/rest/events/v1"

	"github.com/loquent/callstream/schema"
)

// CreateSubscription subscribes the sink to event types, at least one. Errors
// that callers tell apart: [schema.ErrSinkNotFound], [schema.ErrSinkInUse] (it
// has a subscription, and takes one only), [schema.ErrUnknownEventType].
func (c *Client) CreateSubscription(ctx context.Context, a schema.Account, sinkSID, description string, types []schema.SubscribedType) (schema.Subscription, error) {
	if err := schema.CheckSID("sink_sid", sinkSID, schema.SinkPrefix); err != nil {
		return schema.Subscription{}, err
	}
	encoded, err := encodeTypes(types)
	if err != nil {
		return schema.Subscription{}, err
	}
	params := (&events.CreateSubscriptionParams{}).
		SetDescription(description).
		SetSinkSid(sinkSID).
		SetTypes(encoded)
	made, err := call(ctx, c, a, "create_subscription", func(h *client.RequestHandler) (*events.EventsV1Subscription, error) {
		return events.NewApiService(h).CreateSubscription(params)
	})
	if err == nil && !schema.ValidSID(value(made.Sid), schema.SubscriptionPrefix) {
		err = mismatch("a subscription", value(made.Sid))
	}
	if err != nil {
		return schema.Subscription{}, fmt.Errorf("subscribe sink %s: %w", sinkSID, err)
	}
	return subscription(made), nil
}

// ListSubscriptions returns the subscriptions of the sink, or of the whole
// account where sinkSID is empty.
func (c *Client) ListSubscriptions(ctx context.Context, a schema.Account, sinkSID string) ([]schema.Subscription, error) {
	params := (&events.ListSubscriptionParams{}).SetPageSize(pageSize)
	if sinkSID != "" {
		if err := schema.CheckSID("sink_sid", sinkSID, schema.SinkPrefix); err != nil {
			return nil, err
		}
		params.SetSinkSid(sinkSID)
	}
	listed, err := call(ctx, c, a, "list_subscriptions", func(h *client.RequestHandler) ([]events.EventsV1Subscription, error) {
		return events.NewApiService(h).ListSubscription(params)
	})
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	subscriptions := make([]schema.Subscription, 0, len(listed))
	for i := range listed {
		subscriptions = append(subscriptions, subscription(&listed[i]))
	}
	return subscriptions, nil
}

// FetchSubscription returns the subscription. NotFound once it is deleted.
func (c *Client) FetchSubscription(ctx context.Context, a schema.Account, subscriptionSID string) (schema.Subscription, error) {
	if err := checkSubscription(subscriptionSID); err != nil {
		return schema.Subscription{}, err
	}
	got, err := call(ctx, c, a, "fetch_subscription", func(h *client.RequestHandler) (*events.EventsV1Subscription, error) {
		return events.NewApiService(h).FetchSubscription(subscriptionSID)
	})
	if err == nil && value(got.Sid) != subscriptionSID {
		err = mismatch(subscriptionSID, value(got.Sid))
	}
	if err != nil {
		return schema.Subscription{}, fmt.Errorf("fetch subscription %s: %w", subscriptionSID, err)
	}
	return subscription(got), nil
}

// DeleteEventSubscription ends the subscription; alreadyGone reports that there
// was none. Its sink stays, and counts, until it is deleted too.
func (c *Client) DeleteEventSubscription(ctx context.Context, a schema.Account, subscriptionSID string) (alreadyGone bool, err error) {
	if err := checkSubscription(subscriptionSID); err != nil {
		return false, err
	}
	alreadyGone, err = c.remove(ctx, a, "delete_event_subscription", func(h *client.RequestHandler) error {
		return events.NewApiService(h).DeleteSubscription(subscriptionSID)
	})
	if err != nil {
		return false, fmt.Errorf("delete subscription %s: %w", subscriptionSID, err)
	}
	return alreadyGone, nil
}

// ListSubscribedTypes returns the event types of the subscription.
func (c *Client) ListSubscribedTypes(ctx context.Context, a schema.Account, subscriptionSID string) ([]schema.SubscribedType, error) {
	if err := checkSubscription(subscriptionSID); err != nil {
		return nil, err
	}
	params := (&events.ListSubscribedEventParams{}).SetPageSize(pageSize)
	listed, err := call(ctx, c, a, "list_subscribed_types", func(h *client.RequestHandler) ([]events.EventsV1SubscribedEvent, error) {
		return events.NewApiService(h).ListSubscribedEvent(subscriptionSID, params)
	})
	if err != nil {
		return nil, fmt.Errorf("list types of subscription %s: %w", subscriptionSID, err)
	}
	types := make([]schema.SubscribedType, 0, len(listed))
	for _, t := range listed {
		types = append(types, schema.SubscribedType{Type: value(t.Type), Version: t.SchemaVersion})
	}
	return types, nil
}

// UpdateEventSubscription makes types the subscription's types, and reports
// whether there was anything to change. Missing ones come before superfluous
// ones go, so that the subscription is never without any and nothing wanted is
// missed in between. A failure leaves some of it done; repeating completes it.
func (c *Client) UpdateEventSubscription(ctx context.Context, a schema.Account, subscriptionSID string, types []schema.SubscribedType) (changed bool, err error) {
	if _, err := encodeTypes(types); err != nil {
		return false, err
	}
	present, err := c.ListSubscribedTypes(ctx, a, subscriptionSID)
	if err != nil {
		return false, err
	}
	versions := make(map[string]int, len(present))
	for _, t := range present {
		versions[t.Type] = t.Version
	}
	for _, t := range types {
		version, ok := versions[t.Type]
		delete(versions, t.Type)
		if ok && (t.Version == 0 || t.Version == version) {
			continue
		}
		if err := c.subscribe(ctx, a, subscriptionSID, t, ok); err != nil {
			return changed, err
		}
		changed = true
	}
	for superfluous := range versions {
		if err := c.unsubscribe(ctx, a, subscriptionSID, superfluous); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// subscribe adds a type to the subscription or, where it is present, sets its
// version.
func (c *Client) subscribe(ctx context.Context, a schema.Account, subscriptionSID string, t schema.SubscribedType, present bool) error {
	_, err := call(ctx, c, a, "subscribe_type", func(h *client.RequestHandler) (*events.EventsV1SubscribedEvent, error) {
		if present {
			params := (&events.UpdateSubscribedEventParams{}).SetSchemaVersion(t.Version)
			return events.NewApiService(h).UpdateSubscribedEvent(subscriptionSID, t.Type, params)
		}
		params := (&events.CreateSubscribedEventParams{}).SetType(t.Type)
		if t.Version > 0 {
			params.SetSchemaVersion(t.Version)
		}
		return events.NewApiService(h).CreateSubscribedEvent(subscriptionSID, params)
	})
	if err != nil {
		return fmt.Errorf("add %s to subscription %s: %w", t.Type, subscriptionSID, err)
	}
	return nil
}

func (c *Client) unsubscribe(ctx context.Context, a schema.Account, subscriptionSID, eventType string) error {
	err := checkEventType(eventType)
	if err == nil {
		_, err = c.remove(ctx, a, "unsubscribe_type", func(h *client.RequestHandler) error {
			return events.NewApiService(h).DeleteSubscribedEvent(subscriptionSID, eventType)
		})
	}
	if err != nil {
		return fmt.Errorf("remove %s from subscription %s: %w", eventType, subscriptionSID, err)
	}
	return nil
}

// FetchEventType looks an event type up in Twilio's catalogue, in which types
// come and go. NotFound and [schema.ErrUnknownEventType] for one that is not in
// it.
func (c *Client) FetchEventType(ctx context.Context, a schema.Account, eventType string) (schema.TwilioEventType, error) {
	if err := checkEventType(eventType); err != nil {
		return schema.TwilioEventType{}, err
	}
	got, err := call(ctx, c, a, "fetch_event_type", func(h *client.RequestHandler) (*events.EventsV1EventType, error) {
		return events.NewApiService(h).FetchEventType(eventType)
	})
	if schema.CodeOf(err) == schema.NotFound {
		err = schema.Errorf(schema.NotFound, "%w: %w", schema.ErrUnknownEventType, err)
	}
	if err != nil {
		return schema.TwilioEventType{}, fmt.Errorf("fetch event type %s: %w", eventType, err)
	}
	return schema.TwilioEventType{
		Type:        value(got.Type),
		SchemaID:    value(got.SchemaId),
		Description: value(got.Description),
		Status:      value(got.Status),
	}, nil
}

func subscription(s *events.EventsV1Subscription) schema.Subscription {
	return schema.Subscription{SID: value(s.Sid), SinkSID: value(s.SinkSid), Description: value(s.Description)}
}

// encodeTypes returns the types as the library sends them: each a JSON object
// in a field of its own. One field that holds an array is refused by Twilio.
func encodeTypes(types []schema.SubscribedType) ([]any, error) {
	if len(types) == 0 {
		return nil, schema.Errorf(schema.Invalid, "a subscription needs an event type")
	}
	encoded := make([]any, 0, len(types))
	var problems []error
	seen := make(map[string]bool, len(types))
	for _, t := range types {
		problems = append(problems, checkEventType(t.Type))
		if seen[t.Type] {
			problems = append(problems, fmt.Errorf("%s is listed twice", t.Type))
		}
		seen[t.Type] = true
		object := map[string]any{"type": t.Type}
		if t.Version > 0 {
			object["schema_version"] = t.Version
		}
		encoded = append(encoded, object)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, schema.Errorf(schema.Invalid, "%w", err)
	}
	return encoded, nil
}

// checkEventType returns an Invalid error unless eventType can be one; it
// becomes part of a URL.
func checkEventType(eventType string) error {
	for i := range len(eventType) {
		c := eventType[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_", rune(c)) {
			return schema.Errorf(schema.Invalid, "%q is not an event type", eventType)
		}
	}
	if strings.Trim(eventType, ".") == "" {
		return schema.Errorf(schema.Invalid, "an event type is missing")
	}
	return nil
}

func checkSubscription(subscriptionSID string) error {
	return schema.CheckSID("subscription_sid", subscriptionSID, schema.SubscriptionPrefix)
}
