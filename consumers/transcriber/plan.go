package transcriber

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Plan returns what Handle would change, from the rows alone.
func (c *Consumer) Plan(ctx context.Context, d stream.Delivery) (schema.Plan, error) {
	event, ok := d.Event.(schema.RecordingArchived)
	if !ok {
		return schema.Plan{}, schema.Errorf(schema.Invalid, "%T is no news of an archived recording", d.Event)
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
	}
	return schema.PlanOf(event, plan(record, account, d.Replay.Force)), nil
}

func plan(record schema.RecordingRecord, account schema.Account, force bool) string {
	switch {
	case record.Quarantined, !account.TranscriptionEnabled, record.Transcript != nil && !force:
		return ""
	case record.Object == nil:
		return "would fail: there is no proven copy (replay the archiver first)"
	case record.Transcript != nil:
		return "would transcribe it again, in place of what " + record.Transcript.Model + " heard"
	}
	return "would transcribe it"
}
