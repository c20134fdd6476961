package recorder

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what Handle would change, if it is allowed to act. Twilio is not
// asked: whether the call still lives stays open.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	event, ok := d.Event.(schema.CallAnswered)
	if !ok {
		return schema.Plan{}, schema.Errorf(schema.Invalid, "%T is no news of an answered call", d.Event)
	}
	w := c.newWork(event)
	plan := schema.Plan{CallSID: w.callSID}
	stored, err := c.Decisions.Decision(ctx, w.callSID)
	switch {
	case err != nil && schema.CodeOf(err) != schema.NotFound:
		return schema.Plan{}, fmt.Errorf("read the decision on %s: %w", w.callSID, err)
	case stored.Outcome.Final():
		return plan, nil
	case c.fresh(stream.WithDelivery(ctx, d), w, 0):
		plan.Change = "would decide on the call, and might start a recording"
	case stored.Outcome == schema.Starting:
		plan.Change = "would look whether the recording started, and decide"
	default:
		plan.Change = "would decide that the call is not recorded: " + schema.RuleStale.Explain()
	}
	if !d.MayAct() {
		plan.Change += ", if allowed to"
	}
	return plan, nil
}
