package reaper

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what Handle would change, if it is allowed to act.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	event, ok := d.Event.(schema.RecordingTranscribed)
	if !ok {
		return schema.Plan{}, schema.Errorf(schema.Invalid, "%T is no news of a transcribed recording", d.Event)
	}
	account, err := c.Accounts.AccountBySID(ctx, event.AccountSID)
	if schema.CodeOf(err) == schema.NotFound {
		return schema.PlanOf(event, "would be refused: the account belongs to no organization"), nil
	}
	if err != nil {
		return schema.Plan{}, fmt.Errorf("read account %s: %w", event.AccountSID, err)
	}
	record, err := c.Recordings.Recording(ctx, event.Recording.RecordingSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return schema.PlanOf(event, "would fail: the recording has no row (replay the archiver first)"), nil
	case err != nil:
		return schema.Plan{}, fmt.Errorf("read recording %s: %w", event.Recording.RecordingSID, err)
	case record.Receipt != nil, keep(record, event.Skipped, account.Delete) != "":
		return schema.PlanOf(event, ""), nil
	case !d.MayAct():
		return schema.PlanOf(event, "would delete it at Twilio, if allowed to"), nil
	}
	return schema.PlanOf(event, "would delete it at Twilio"), nil
}
