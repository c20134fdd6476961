package archiver

import (
	"cmp"
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// kindCallFetched is the kind of the timeline's line for a call that was found
// by its recording.
const kindCallFetched = "call.fetched"

// findCall makes sure that the recording's call has a row. Trunk calls and
// calls of Studio have none until their summary comes, up to half an hour
// later, or forever where Insights is off: Twilio's REST tells of them.
func (c *Consumer) findCall(ctx context.Context, j *job) error {
	if j.recording.CallSID == "" {
		if err := c.askForCall(ctx, j); err != nil {
			return err
		}
	}
	_, err := c.Calls.CallStatus(ctx, j.recording.CallSID)
	if err == nil {
		return nil
	}
	if schema.CodeOf(err) != schema.NotFound {
		return fmt.Errorf("look for call %s: %w", j.recording.CallSID, err)
	}
	facts, err := c.Twilio.FetchCall(ctx, j.account, j.recording.CallSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		// Gone at Twilio, while its audio is there: a bare row is better than
		// no place for the audio.
		facts = schema.CallFacts{CallSID: j.recording.CallSID, StartedAt: j.recording.StartedAt}
	case err != nil:
		return fmt.Errorf("fetch call %s: %w", j.recording.CallSID, err)
	}
	entry := j.entry(ctx, "")
	entry.CallSID, entry.RecordingSID, entry.Kind, entry.Detail = facts.CallSID, "", kindCallFetched, "found by its recording"
	return c.createCall(ctx, j, facts, entry)
}

// askForCall reads the call of a recording whose event names none. A
// recording without any, as of a conference, is nothing that callstream keeps.
func (c *Consumer) askForCall(ctx context.Context, j *job) error {
	facts, err := c.Twilio.FetchRecording(ctx, j.account, j.recording.RecordingSID)
	if err != nil {
		return fmt.Errorf("fetch recording %s: %w", j.recording.RecordingSID, err)
	}
	if err := schema.CheckSID("call", facts.CallSID, schema.CallPrefix); err != nil {
		return stream.Terminal(schema.Errorf(schema.Refused, "recording %s is of no call: %w", j.recording.RecordingSID, err))
	}
	j.recording.CallSID = facts.CallSID
	return nil
}

// createCall creates the call's row under the organization whose number it
// has, or else the one whose account it is, or adds the facts to the row that
// there is.
func (c *Consumer) createCall(ctx context.Context, j *job, facts schema.CallFacts, entry schema.TimelineEntry) error {
	query := schema.PhoneQuery{AccountSID: j.account.AccountSID, From: facts.From, To: facts.To, Leg: facts.Leg}
	resolutions, err := c.Accounts.ResolvePhoneAndDirection(ctx, []schema.PhoneQuery{query})
	if err != nil {
		return fmt.Errorf("resolve the numbers of %s: %w", facts.CallSID, err)
	}
	update := schema.CallUpdate{
		AccountSID:     j.account.AccountSID,
		OrganizationID: cmp.Or(resolutions[0].OrganizationID, j.account.OrganizationID),
		Direction:      resolutions[0].Direction,
		PhoneNumber:    resolutions[0].PhoneNumber,
		Creates:        true,
		Facts:          facts,
		Entry:          entry,
	}
	if _, err := c.Calls.MergeCalls(ctx, []schema.CallUpdate{update}); err != nil {
		return fmt.Errorf("create call %s: %w", facts.CallSID, err)
	}
	return nil
}
