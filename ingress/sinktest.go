package ingress

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// SinkTests is told of the test events that Twilio sends when a sink is tested.
// They name no kind of events; the sink's URL does, as ?kind=sms or ?kind=call.
type SinkTests interface {
	// SinkTested returns once it is stored that a test event arrived. The error
	// is [schema.NotFound] when there is nothing to which it could belong.
	SinkTested(ctx context.Context, organizationID string, kind schema.EventKind, at time.Time) error
}

// tested reports whether a test event is among what a request told.
func tested(verdicts []verdict) bool {
	return slices.ContainsFunc(verdicts, func(v verdict) bool { return v.kind == kindTest })
}

// noteTest stores that a test event arrived, if one did. Somebody waits to see
// it, so where that cannot be stored now Twilio is to send it again.
func (i *Ingress) noteTest(ctx context.Context, d *delivery, verdicts []verdict) error {
	kind := schema.EventKind(d.query.Get("kind"))
	if i.config.SinkTests == nil || !tested(verdicts) || (kind != schema.SMSEvents && kind != schema.CallEvents) {
		return nil
	}
	_, err := within(ctx, i.config.Budget, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, i.config.SinkTests.SinkTested(ctx, d.account.OrganizationID, kind, d.now)
	})
	if err != nil && schema.CodeOf(err) != schema.NotFound {
		return fmt.Errorf("store the test of the %s events: %w", kind, err)
	}
	return nil
}
