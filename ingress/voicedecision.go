package ingress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// Decisions says whether calls may be recorded, and keeps one decision for each.
type Decisions interface {
	// IsRecordingEnabled looks afresh; whatever is not a clear yes is a no.
	IsRecordingEnabled(ctx context.Context, query schema.PhoneQuery) schema.RecordingCheck
	// Decision returns what is stored, [schema.NotFound] where nothing is.
	Decision(ctx context.Context, callSID string) (schema.Decision, error)
	// SaveDecision stores a decision unless a final one is stored, and returns
	// what is stored then.
	SaveDecision(ctx context.Context, accountSID, organizationID string, d schema.Decision) (schema.Decision, error)
}

// voicePatience bounds each of the steps for which a caller waits: the look-ups
// together, the stream, the database and the stream once more.
func (i *Ingress) voicePatience() time.Duration { return i.config.Budget / 4 }

// ruling is what a call is decided by.
type ruling struct {
	check  schema.RecordingCheck
	stored *schema.Decision // on a call that was decided on before
}

// rule looks up, at the same time, whether the call may be recorded and what was
// decided on it before. It fails closed.
func (i *Ingress) rule(ctx context.Context, event schema.CallReceived) ruling {
	earlier := make(chan ruling, 1)
	go func() { earlier <- i.earlier(ctx, event.Call.CallSID) }()
	query := schema.PhoneQuery{AccountSID: event.AccountSID, From: event.Call.From, To: event.Call.To, Leg: event.Call.Leg}
	check, err := within(ctx, i.voicePatience(), func(ctx context.Context) (schema.RecordingCheck, error) {
		return i.config.Decisions.IsRecordingEnabled(ctx, query), nil
	})
	if err != nil {
		check = lookupFailed(err)
	}
	before := <-earlier
	if before.check.Rule == "" {
		before.check = check
	}
	return before
}

// earlier looks up the decision that is stored. If that fails the check has
// failed too.
func (i *Ingress) earlier(ctx context.Context, callSID string) ruling {
	decision, err := within(ctx, i.voicePatience(), func(ctx context.Context) (schema.Decision, error) {
		return i.config.Decisions.Decision(ctx, callSID)
	})
	switch schema.CodeOf(err) {
	case "":
		return ruling{stored: &decision}
	case schema.NotFound:
		return ruling{}
	}
	return ruling{check: lookupFailed(fmt.Errorf("read the decision on %s: %w", callSID, err))}
}

func lookupFailed(err error) schema.RecordingCheck {
	return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: shorten(err.Error())}
}

// decide returns whether the call's TwiML may record it. A yes means that the
// check said yes a moment ago, that the stream has acknowledged the call, and
// that the decision stored for it is that one. The error tells what kept a
// decision from being stored or told, or made it a no.
func (i *Ingress) decide(ctx context.Context, event schema.CallReceived, r ruling) (yes bool, problem error) {
	if r.stored != nil {
		return i.repeat(ctx, event, r)
	}
	event.Decision = &schema.Decision{
		CallSID:   event.Call.CallSID,
		Outcome:   schema.NotStarted,
		Rule:      r.check.Rule,
		Enabled:   r.check.Enabled,
		Evidence:  r.check.Evidence,
		DecidedAt: i.config.Clock().UTC().Truncate(time.Microsecond), // what Postgres keeps
	}
	if !r.check.Enabled {
		return false, i.refuse(ctx, event)
	}
	event.Decision.Outcome, event.Decision.Rule = schema.Started, schema.RuleTwiML
	return i.permit(ctx, event)
}

// repeat answers a call that was decided on before: Twilio asks again when an
// answer did not reach it. The event is told again, in case it never was.
func (i *Ingress) repeat(ctx context.Context, event schema.CallReceived, r ruling) (yes bool, problem error) {
	if !r.stored.Outcome.Final() {
		return false, i.tell(ctx, undecided(event))
	}
	event.Decision = r.stored
	if err := i.tell(ctx, event); err != nil {
		return false, err
	}
	return r.check.Enabled && r.stored.ByTwiML(), nil
}

// permit tells of the call, stores the decision and then tells of that. In this
// order a decision to record is never stored for a call of which the stream does
// not know, nor told of one for which it could not be stored: neither is
// recorded by its TwiML, and the recorder may still do it. Once it is stored it
// holds, told or not.
func (i *Ingress) permit(ctx context.Context, event schema.CallReceived) (yes bool, problem error) {
	if err := i.tell(ctx, undecided(event)); err != nil {
		return false, err
	}
	stored, err := i.saveDecision(ctx, event)
	if err != nil {
		return false, err
	}
	event.Decision = &stored
	return stored.ByTwiML(), i.tell(ctx, event)
}

// refuse stores the decision and then tells of it. In this order a no that has
// the event's own id in the stream, and so keeps out a later yes, is one that
// the database knows and that later request will find. A no that could not be
// stored is told under another id.
func (i *Ingress) refuse(ctx context.Context, event schema.CallReceived) error {
	if event.Decision.Rule == schema.RuleLookupFailed {
		err := schema.Errorf(schema.Unavailable, "ask whether %s may be recorded: %s", event.Call.CallSID, event.Decision.Evidence)
		return errors.Join(err, i.tell(ctx, unsaved(event)))
	}
	stored, err := i.saveDecision(ctx, event)
	if err != nil {
		return errors.Join(err, i.tell(ctx, unsaved(event)))
	}
	event.Decision = &stored
	return i.tell(ctx, event)
}

// undecided is the variant of a received call that tells no decision.
func undecided(event schema.CallReceived) variant {
	event.Decision = nil
	return variant{event, ":undecided"}
}

// unsaved is the variant of a received call whose decision the database did not
// take.
func unsaved(event schema.CallReceived) variant { return variant{event, ":unsaved"} }

// tell publishes the event.
func (i *Ingress) tell(ctx context.Context, event schema.Event) error {
	_, err := within(ctx, i.voicePatience(), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, i.config.Publisher.Publish(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("publish %s: %w", event.MsgID(), err)
	}
	return nil
}

// saveDecision stores the event's decision and returns the one that is stored
// then.
func (i *Ingress) saveDecision(ctx context.Context, event schema.CallReceived) (schema.Decision, error) {
	stored, err := within(ctx, i.voicePatience(), func(ctx context.Context) (schema.Decision, error) {
		return i.config.Decisions.SaveDecision(ctx, event.AccountSID, event.OrganizationID, *event.Decision)
	})
	if err != nil {
		return schema.Decision{}, fmt.Errorf("store the decision on %s: %w", event.Call.CallSID, err)
	}
	return stored, nil
}
