package recorder

import (
	"context"
	"fmt"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// work is one answered call on its way to a decision.
type work struct {
	event   schema.CallAnswered
	callSID string // the call that is decided on: the parent of a dialled leg
	query   schema.PhoneQuery

	account    schema.Account
	check      schema.RecordingCheck // the latest answer
	asParent   bool                  // query has the parent's numbers
	status     schema.CallStatus     // the parent's status, where it was fetched
	attempted  bool                  // an earlier attempt may have reached Twilio
	listed     bool                  // recordings holds what Twilio listed
	recordings []schema.RecordingFacts
}

func (c *Consumer) newWork(event schema.CallAnswered) *work {
	w := &work{event: event, callSID: event.Call.CallSID}
	if event.Call.ParentCallSID != "" {
		w.callSID = event.Call.ParentCallSID
	}
	w.query = schema.PhoneQuery{AccountSID: event.AccountSID, From: event.Call.From, To: event.Call.To, Leg: event.Call.Leg}
	return w
}

// decide brings the call to its one final decision, in the order that the
// package's comment draws.
func (c *Consumer) decide(ctx context.Context, w *work) error {
	stored, err := c.Decisions.Decision(ctx, w.callSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
	case err != nil:
		return fmt.Errorf("read the decision on %s: %w", w.callSID, err)
	case stored.Outcome.Final():
		// Told again: the process may have died before it could tell.
		return c.tell(ctx, w, stored)
	default:
		w.attempted = stored.Outcome == schema.Starting
		w.check = schema.RecordingCheck{Enabled: stored.Enabled, Rule: stored.Rule, Evidence: stored.Evidence}
	}

	if w.attempted {
		if done, err := c.adopt(ctx, w); done || err != nil {
			return err
		}
	}
	if done, err := c.tooLate(ctx, w); done || err != nil {
		return err
	}
	// The first look-up spares Twilio a request for all who do not record, the
	// second is the fresh one that a start needs: the list took its time.
	if done, err := c.refused(ctx, w); done || err != nil {
		return err
	}
	if done, err := c.alreadyRunning(ctx, w); done || err != nil {
		return err
	}
	if done, err := c.refused(ctx, w); done || err != nil {
		return err
	}
	return c.start(ctx, w)
}

// tooLate settles the call if there is, or can be trusted to be, nothing left
// to record.
func (c *Consumer) tooLate(ctx context.Context, w *work) (done bool, err error) {
	if !c.fresh(ctx, w, 0) {
		if w.attempted { // the rule had said yes
			return true, c.settle(ctx, w, schema.Failed, schema.RuleTwilioAway, "")
		}
		return true, c.settle(ctx, w, schema.NotStarted, schema.RuleStale, "")
	}
	status, err := c.Calls.CallStatus(ctx, w.callSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound: // no news of it yet
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the status of %s: %w", w.callSID, err)
	case status.Final():
		w.check.Evidence = "the call is " + string(status)
		return true, c.settle(ctx, w, schema.NotStarted, schema.RuleCallEnded, "")
	}
	return false, nil
}

// fresh reports whether the event will, after wait, still be young enough to
// start a recording on its word. One of unknown age is not.
func (c *Consumer) fresh(ctx context.Context, w *work, wait time.Duration) bool {
	at := w.event.OccurredAt
	if at.IsZero() {
		at = stream.DeliveryFrom(ctx).StoredAt
	}
	return c.Now().Add(wait).Sub(at) <= c.MaxAge
}

// refused asks is_recording_enabled and settles the call if it says no.
func (c *Consumer) refused(ctx context.Context, w *work) (done bool, err error) {
	check, err := c.ask(ctx, w)
	if err != nil {
		return true, c.fail(ctx, w, err)
	}
	w.check = check
	switch {
	case w.status.Final():
		w.check.Evidence = "the call is " + string(w.status)
		return true, c.settle(ctx, w, schema.NotStarted, schema.RuleCallEnded, "")
	case !check.Enabled:
		return true, c.settle(ctx, w, schema.NotStarted, check.Rule, "")
	}
	return false, nil
}

// ask asks is_recording_enabled with the leg's numbers, and if neither is known
// with its parent's. A dialled leg often has none of the organization's own: it
// goes from the original caller to the party that is dialled. Only then is the
// parent fetched, since wherever the leg's own numbers give an answer it is the
// same for both. The error is Twilio's.
func (c *Consumer) ask(ctx context.Context, w *work) (schema.RecordingCheck, error) {
	check := c.Settings.IsRecordingEnabled(ctx, w.query)
	if check.Rule != schema.RuleNumberUnknown || w.event.Call.ParentCallSID == "" || w.asParent {
		return check, nil
	}
	if err := c.findAccount(ctx, w); err != nil {
		return schema.RecordingCheck{Rule: schema.RuleNoSettings, Evidence: err.Error()}, except(schema.NotFound, err)
	}
	parent, err := c.Twilio.FetchCall(ctx, w.account, w.callSID)
	if err != nil { // a parent that does not exist is nobody's
		return check, except(schema.NotFound, fmt.Errorf("fetch the parent call %s: %w", w.callSID, err))
	}
	w.asParent, w.status = true, parent.Status
	w.query = schema.PhoneQuery{AccountSID: w.event.AccountSID, From: parent.From, To: parent.To, Leg: parent.Leg}
	return c.Settings.IsRecordingEnabled(ctx, w.query), nil
}

// except returns err unless it has the code, and nil then.
func except(code schema.Code, err error) error {
	if schema.CodeOf(err) == code {
		return nil
	}
	return err
}

// findAccount reads the account's credentials, once.
func (c *Consumer) findAccount(ctx context.Context, w *work) error {
	if w.account.AccountSID != "" {
		return nil
	}
	account, err := c.Settings.AccountBySID(ctx, w.event.AccountSID)
	if err != nil {
		return fmt.Errorf("read account %s: %w", w.event.AccountSID, err)
	}
	w.account = account
	return nil
}
