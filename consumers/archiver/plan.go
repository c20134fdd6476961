package archiver

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what Handle would change, from the rows alone: neither the bucket
// nor Twilio is asked what they hold.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	event, ok := d.Event.(schema.RecordingProcessed)
	if !ok {
		return schema.Plan{}, schema.Errorf(schema.Invalid, "%T is no news of a recording", d.Event)
	}
	if err := check(event); err != nil {
		return schema.Plan{}, err
	}
	_, err := c.Accounts.AccountBySID(ctx, event.AccountSID)
	if schema.CodeOf(err) == schema.NotFound {
		return schema.PlanOf(event, "would be refused: the account belongs to no organization"), nil
	}
	if err != nil {
		return schema.Plan{}, fmt.Errorf("read account %s: %w", event.AccountSID, err)
	}
	record, err := c.Recordings.Recording(ctx, event.Recording.RecordingSID)
	if err != nil && schema.CodeOf(err) != schema.NotFound {
		return schema.Plan{}, fmt.Errorf("read recording %s: %w", event.Recording.RecordingSID, err)
	}
	return schema.PlanOf(event, plan(event.Recording.Status, record, d.Replay.Force)), nil
}

func plan(status schema.RecordingStatus, record schema.RecordingRecord, force bool) string {
	switch {
	case record.Object != nil && force:
		return "would archive it again, unless its copy is in this bucket and whole"
	case record.Object != nil, status != schema.RecordingCompleted && record.Status == status:
		return ""
	case status != schema.RecordingCompleted:
		return "would store it as " + string(status)
	}
	return "would archive it, from the bucket if its copy is there, or else from Twilio"
}
