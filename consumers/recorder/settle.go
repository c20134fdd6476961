package recorder

import (
	"cmp"
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// timelineKind is the kind of the recorder's line in a call's timeline. The
// line "call.answered" itself is the calls consumer's.
const timelineKind = "recording.decided"

// settle stores a final decision and tells of it.
func (c *Consumer) settle(ctx context.Context, w *work, outcome schema.Outcome, rule schema.Rule, recordingSID string) error {
	stored, err := c.save(ctx, w, outcome, rule, recordingSID)
	if err != nil {
		return err
	}
	c.decided.WithLabelValues(string(stored.Outcome), string(stored.Rule)).Inc()
	if stored.Outcome == schema.Failed {
		c.Logger.WarnContext(ctx, "call not recorded though it should be", "call_sid", w.callSID, "org", w.organization(),
			"rule", stored.Rule, "evidence", stored.Evidence)
	}
	return c.tell(ctx, w, stored)
}

// remember tells again of a final decision that is stored, and decides nothing:
// what was true when the call was answered cannot be asked any more, and "stale"
// would be a lie about a call that was decided on then.
func (c *Consumer) remember(ctx context.Context, w *work) error {
	stored, err := c.Decisions.Decision(ctx, w.callSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return nil
	case err != nil:
		return fmt.Errorf("read the decision on %s: %w", w.callSID, err)
	case !stored.Outcome.Final():
		return nil
	}
	return c.tell(ctx, w, stored)
}

// save stores the decision as it stands and returns the one that is stored
// then, which is another if a final one was there.
func (c *Consumer) save(ctx context.Context, w *work, outcome schema.Outcome, rule schema.Rule, recordingSID string) (schema.Decision, error) {
	stored, err := c.Decisions.SaveDecision(ctx, w.event.AccountSID, w.organization(), schema.Decision{
		CallSID:      w.callSID,
		Outcome:      outcome,
		Rule:         rule,
		Enabled:      w.check.Enabled,
		Evidence:     w.check.Evidence,
		RecordingSID: recordingSID,
		DecidedAt:    c.Now().UTC(),
	})
	if err != nil {
		return schema.Decision{}, fmt.Errorf("store the decision on %s: %w", w.callSID, err)
	}
	return stored, nil
}

// tell adds the decision to the timeline of the call that it is about.
func (c *Consumer) tell(ctx context.Context, w *work, d schema.Decision) error {
	delivery := stream.DeliveryFrom(ctx)
	entry := schema.Entry(w.event, delivery.Sequence, delivery.StoredAt, string(d.Outcome)+": "+d.Rule.Explain())
	entry.CallSID, entry.RecordingSID, entry.Kind = w.callSID, d.RecordingSID, timelineKind
	if err := c.Calls.AddTimeline(ctx, entry); err != nil {
		return fmt.Errorf("add the decision to the timeline of %s: %w", w.callSID, err)
	}
	return nil
}

// organization is whose call it is: by the account, by the number that was
// found, or by whose signature the event came with.
func (w *work) organization() string {
	return cmp.Or(w.account.OrganizationID, w.check.OrganizationID, w.event.OrganizationID)
}
