package recorder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// The wait before a start is tried again: short, since every second of it is a
// second of the call that nobody can bring back.
const (
	minRetry = 500 * time.Millisecond
	maxRetry = 5 * time.Second
)

// start starts the recording. The marker is stored first: whatever happens
// after it, the next attempt looks before it starts.
func (c *Consumer) start(ctx context.Context, w *work) error {
	if c.Starter == nil {
		c.Logger.InfoContext(ctx, "recording not permitted here", "call_sid", w.callSID)
		return nil
	}
	stored, err := c.save(ctx, w, schema.Starting, schema.RuleEnabled, "")
	if err != nil {
		return err
	}
	if stored.Outcome.Final() { // by a decision that reached the store another way
		return c.tell(ctx, w, stored)
	}
	w.attempted = true
	recording, err := c.Starter.StartCallRecording(ctx, w.account, w.callSID, c.CallbackURL(w.organization()))
	if err != nil {
		return c.fail(ctx, w, fmt.Errorf("start recording %s: %w", w.callSID, err))
	}
	return c.started(ctx, w, recording)
}

// started stores the recording that runs. The switch may have gone off between
// the look-up and Twilio's start: such audio is quarantined. That is stored
// before the decision, since no later attempt looks behind a final one.
func (c *Consumer) started(ctx context.Context, w *work, recording schema.RecordingFacts) error {
	now, err := c.ask(ctx, w)
	if err != nil {
		return stream.RetryAfter(err, retryWait(ctx, err))
	}
	if now.Rule == schema.RuleLookupFailed {
		return schema.Errorf(schema.Unavailable, "look again whether %s may be recorded: %s", w.callSID, now.Evidence)
	}
	w.check.Enabled = true // what was answered before the start
	if !now.Enabled {
		w.check.Evidence = "recording was switched off while it started; quarantined: " + now.Evidence
		c.Logger.WarnContext(ctx, "recording started against a switch", "call_sid", w.callSID, "recording_sid", recording.RecordingSID, "rule", now.Rule)
	}
	if recording.CallSID == "" {
		recording.CallSID = w.callSID
	}
	if err := c.Calls.SaveRecording(ctx, w.event.AccountSID, w.organization(), recording, !now.Enabled); err != nil {
		return fmt.Errorf("store recording %s: %w", recording.RecordingSID, err)
	}
	return c.settle(ctx, w, schema.Started, schema.RuleEnabled, recording.RecordingSID)
}

// fail handles what Twilio did not do. That the call is over is an outcome like
// any other. A refusal is stored and then raised, for somebody to look at: it
// may concern every call. Everything else is tried again while the call can
// still live, and then stored.
func (c *Consumer) fail(ctx context.Context, w *work, err error) error {
	if ctx.Err() != nil { // ours, not Twilio's: the next attempt goes on
		return err
	}
	w.check.Evidence = err.Error()
	wait := retryWait(ctx, err)
	switch {
	case errors.Is(err, schema.ErrCallEnded):
		return c.settle(ctx, w, schema.NotStarted, schema.RuleCallEnded, "")
	case permanent(err):
		if err := c.settle(ctx, w, schema.Failed, schema.RuleTwilioRefused, ""); err != nil {
			return err
		}
		return stream.Terminal(err)
	case c.fresh(ctx, w, wait):
		return stream.RetryAfter(err, wait)
	}
	return c.settle(ctx, w, schema.Failed, schema.RuleTwilioAway, "")
}

// permanent reports whether the same request would fail again.
func permanent(err error) bool {
	switch schema.CodeOf(err) {
	case schema.Refused, schema.Unauthorized, schema.Forbidden, schema.Invalid, schema.NotFound:
		return true
	case schema.Conflict, schema.RateLimited, schema.Unavailable, schema.Corrupt, schema.Internal:
	}
	return false
}

// retryWait is what Twilio asked for, or grows with the attempts, within the
// bounds of what is worth waiting for.
func retryWait(ctx context.Context, err error) time.Duration {
	wait, ok := schema.RetryAfterOf(err)
	if !ok {
		wait = minRetry << min(stream.DeliveryFrom(ctx).Attempt, 4) / 2
	}
	return min(max(wait, minRetry), maxRetry)
}
