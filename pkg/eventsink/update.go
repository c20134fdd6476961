package eventsink

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// Update brings the event types of the subscription that is stored up to date,
// and tests that events arrive. [schema.NotFound] when there is none, or none
// any more at Twilio, [schema.Conflict] when it delivers elsewhere: both are for
// [Sinks.Setup]. Other errors are as of that.
func (s *Sinks) Update(ctx context.Context, orgID string, kind schema.EventKind) (schema.SinkSetup, error) {
	setup, err := s.settle(ctx, orgID, kind, (*errand).update)
	if err != nil {
		return schema.SinkSetup{}, fmt.Errorf("update %s events of organization %s: %w", kind, orgID, err)
	}
	return setup, nil
}

// update keeps to the stored subscription: to look for another is a set-up's.
func (e *errand) update(ctx context.Context) (schema.SinkSetup, error) {
	held, found, err := e.recall(ctx)
	if err == nil && !found {
		err = schema.Errorf(schema.NotFound, "there is no subscription to update, or none any more; set the %s events up first", e.kind)
	}
	if err != nil {
		return schema.SinkSetup{}, err
	}
	sinks, err := e.Twilio.ListSinks(ctx, e.account)
	if err != nil {
		return schema.SinkSetup{}, err
	}
	sink, ok := inventory{sinks: sinks}.sink(held.SinkSID)
	if !ok || !e.delivers(sink) {
		return schema.SinkSetup{}, schema.Errorf(schema.Conflict,
			"subscription %s does not deliver to %s; set the %s events up again", held.SID, withoutCredentials(e.destination), e.kind)
	}
	o, err := e.offered(ctx)
	if err != nil {
		return schema.SinkSetup{}, err
	}
	if err := e.correct(ctx, held.SID, o); err != nil {
		return schema.SinkSetup{}, err
	}
	return e.settled(ctx, held, true, o)
}
