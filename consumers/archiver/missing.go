package archiver

import (
	"context"
	"fmt"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// Twilio announces a recording before its media is everywhere to be had; its
// advice is to take a 404 for passing and to ask again after 1 to 3 seconds,
// then ever more slowly.
const (
	lateAttempts = 9           // within four minutes: 1+2+4+8+16+32+60+60+60 s
	maxLateWait  = time.Minute // the longest of these waits
)

// missing handles audio that Twilio does not have: late at first, and then
// whatever the recording itself says. A replay concludes nothing from it: most
// likely the audio was archived and deleted, and the copy is somewhere else.
func (c *Consumer) missing(ctx context.Context, j *job, cause error) error {
	if replayed(ctx) {
		return stream.Terminal(fmt.Errorf("recording %s: Twilio has no audio, and the bucket no proven copy at %s: %w",
			j.recording.RecordingSID, j.key(), cause))
	}
	attempt := max(1, stream.DeliveryFrom(ctx).Attempt)
	if attempt <= lateAttempts {
		return stream.RetryAfter(cause, min(time.Second<<(attempt-1), maxLateWait))
	}
	facts, err := c.Twilio.FetchRecording(ctx, j.account, j.recording.RecordingSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		j.recording.Status = schema.RecordingDeleted
	case err != nil:
		return fmt.Errorf("fetch recording %s: %w", j.recording.RecordingSID, err)
	case facts.Status == schema.RecordingDeleted, facts.Status == schema.RecordingAbsent, facts.Status == schema.RecordingFailed:
		j.recording.Status, j.recording.ErrorCode = facts.Status, facts.ErrorCode
	default:
		return fmt.Errorf("recording %s is %s but its media is not at Twilio (does the account keep recordings in a bucket of its own?): %w",
			j.recording.RecordingSID, facts.Status, cause)
	}
	c.Logger.WarnContext(ctx, "recording gone before it could be copied", "call_sid", j.recording.CallSID,
		"recording_sid", j.recording.RecordingSID, "org", j.account.OrganizationID, "status", j.recording.Status)
	return c.conclude(ctx, j)
}
