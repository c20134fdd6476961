package archiver

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// quarantine reports whether the audio is to be kept out of everybody's sight:
//
//   - because the recorder said so, when the switch went off while its start
//     was on the way (marked);
//   - because it was started over REST, as the recorder does, although the
//     settings had said no: a start that an earlier worker sent may take effect
//     after a later one decided;
//   - because the organization wants what its own set-up records while the
//     switch is off treated so.
func (c *Consumer) quarantine(ctx context.Context, j *job, marked bool) (bool, error) {
	if marked {
		return true, nil
	}
	decision, err := c.History.Decision(ctx, j.recording.CallSID)
	known := err == nil
	if !known && schema.CodeOf(err) != schema.NotFound {
		return false, fmt.Errorf("read the decision on %s: %w", j.recording.CallSID, err)
	}
	if known && j.recording.Source == schema.SourceStartCallRecordingAPI && saidNo(decision) {
		c.Logger.WarnContext(ctx, "recording against the decision: quarantined", "call_sid", j.recording.CallSID,
			"recording_sid", j.recording.RecordingSID, "org", j.account.OrganizationID, "rule", decision.Rule)
		return true, nil
	}
	// What was decided on the call counts; for a call that nobody decided on,
	// the switch as it is now. The account was read a moment ago, and this
	// starts nothing.
	on := j.account.RecordingEnabled
	if known && (decision.Enabled || saidNo(decision)) {
		on = decision.Enabled
	}
	return !on && j.account.Unexpected == schema.UnexpectedQuarantine, nil
}

// saidNo reports whether the settings were asked and said no. A call that was
// over, too old or recorded by somebody else may never have come to the
// question; callstream has not started anything on it either.
func saidNo(d schema.Decision) bool {
	switch d.Rule {
	case schema.RuleStale, schema.RuleCallEnded, schema.RuleAlreadyRunning:
		return false
	default:
		return !d.Enabled
	}
}
