package eventsink

import (
	"context"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
)

// Check compares what is stored of the organization's event sinks with what is
// at Twilio, and tells at least one finding for each kind: "events.sinks.sms"
// and "events.sinks.call". It changes nothing, neither here nor there, and does
// not wait for a set-up that is under way, so what it tells of that may be over
// by then. The error, classified, says that it could not see something; the
// findings of the other kind may be there all the same.
func (s *Sinks) Check(ctx context.Context, orgID string) (findings []schema.Finding, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("check event sinks of organization %s: %w", orgID, err)
		}
	}()
	var present inventory
	for i, kind := range schema.EventKinds {
		e, err := s.errand(ctx, orgID, kind)
		if err != nil {
			return findings, err
		}
		if i == 0 { // one look does for all kinds
			if present, err = e.inventory(ctx); err != nil {
				return findings, explained(e.account, err)
			}
		}
		found, err := e.check(ctx, present)
		if err != nil {
			return findings, explained(e.account, err)
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

// adviceSetUp names the one operation that mends most of what can be wrong.
func (e *errand) adviceSetUp() string {
	return fmt.Sprintf("Set the %s events up again: POST /api/twilio/setup-event-sink. What is good is kept.", e.kind)
}

// check holds one kind's event streaming against what is at Twilio.
func (e *errand) check(ctx context.Context, present inventory) ([]schema.Finding, error) {
	leftovers := e.leftovers(present, e.stored.SinkSID)
	if e.stored.SubscriptionSID == "" && e.stored.SinkSID == "" && !e.stored.Active {
		if len(leftovers) > 0 {
			return []schema.Finding{e.unfinished(leftovers)}, nil
		}
		return []schema.Finding{e.notSetUp()}, nil
	}
	finding, sound := e.checkDelivery(present)
	if sound {
		var err error
		if finding, err = e.checkTypes(ctx); err != nil {
			return nil, err
		}
	}
	findings := []schema.Finding{finding}
	if len(leftovers) > 0 {
		findings = append(findings, e.finding(schema.SeverityWarning, e.adviceSetUp()+" That removes what is left over.",
			"Besides sink %s the account has %s from earlier set-ups.", e.stored.SinkSID, listed(leftovers)))
	}
	return findings, nil
}

// checkDelivery looks whether Twilio delivers at all.
func (e *errand) checkDelivery(present inventory) (finding schema.Finding, sound bool) {
	sub, sink, held := e.held(present)
	switch {
	case !e.stored.Active || e.stored.SubscriptionSID == "":
		return e.finding(schema.SeverityFailed, e.adviceSetUp(), "Setting the %s events up or removing them was interrupted.", e.kind), false
	case sub.SID == "":
		return e.finding(schema.SeverityFailed, e.adviceSetUp(),
			"The %s events are set up here, but their subscription %s has been deleted at Twilio: nothing is delivered.", e.kind, e.stored.SubscriptionSID), false
	case !held:
		return e.finding(schema.SeverityFailed, e.adviceSetUp(),
			"Sink %s of the %s events has been deleted at Twilio: nothing is delivered.", sub.SinkSID, e.kind), false
	case !e.delivers(sink):
		return e.finding(schema.SeverityFailed, e.adviceSetUp(),
			"Sink %s of the %s events does not deliver to %s by POST.", sink.SID, e.kind, withoutCredentials(e.destination)), false
	case sink.Status == sinkFailed:
		return e.finding(schema.SeverityFailed, e.adviceSetUp(), "Twilio has given up sink %s of the %s events: its status is failed.", sink.SID, e.kind), false
	case sink.Status != schema.SinkActive:
		return e.finding(schema.SeverityWarning, "Look again in a minute. "+e.adviceSetUp(), "Sink %s of the %s events is not active yet: its status is %q.", sink.SID, e.kind, sink.Status), false
	}
	return schema.Finding{}, true
}

// held are the stored subscription and its sink, as far as they are there.
func (e *errand) held(present inventory) (sub schema.Subscription, sink schema.Sink, found bool) {
	for _, s := range present.subscriptions {
		if s.SID == e.stored.SubscriptionSID {
			sink, found = present.sink(s.SinkSID)
			return s, sink, found
		}
	}
	return sub, sink, false
}

// checkTypes looks whether Twilio delivers all that is wanted and on offer, and
// nothing else. The catalogue is asked only for what is not as wanted.
func (e *errand) checkTypes(ctx context.Context) (schema.Finding, error) {
	types, err := e.Twilio.ListSubscribedTypes(ctx, e.account, e.stored.SubscriptionSID)
	if err != nil {
		return schema.Finding{}, err
	}
	var stale, missing []string
	superfluous := len(types)
	for _, w := range wantedTypes[e.kind] {
		has, ok := w.among(types)
		if ok {
			superfluous--
		}
		if ok && has.Type == w.name() && has.Version >= w.version {
			continue
		}
		name, err := e.spelling(ctx, w)
		switch {
		case err != nil:
			return schema.Finding{}, err
		case name == "" && !ok:
			missing = append(missing, w.name())
		case name != "" && (has.Type != name || has.Version < w.version):
			stale = append(stale, name)
		}
	}
	return e.typesFinding(stale, missing, superfluous), nil
}

// typesFinding tells what of the types is out of date, and what is not offered.
func (e *errand) typesFinding(stale, missing []string, superfluous int) schema.Finding {
	switch {
	case len(stale) > 0:
		return e.finding(schema.SeverityWarning, "Bring the subscription up to date: POST /api/twilio/update-event-subscription.",
			"Subscription %s lacks event types, or has them in an old version or under an old name: %s.", e.stored.SubscriptionSID, strings.Join(stale, ", "))
	case superfluous > 0:
		return e.finding(schema.SeverityWarning, "Bring the subscription up to date: POST /api/twilio/update-event-subscription.",
			"Subscription %s has %d event types more than callstream reads.", e.stored.SubscriptionSID, superfluous)
	case len(missing) > 0:
		return e.finding(schema.SeverityWarning, "Ask Twilio's support for them if they matter; then POST /api/twilio/update-event-subscription.",
			"Twilio delivers the %s events, but does not offer the account %s.", e.kind, strings.Join(missing, ", "))
	}
	return e.finding(schema.SeverityOK, "", "Twilio delivers the %s events by sink %s and subscription %s.", e.kind, e.stored.SinkSID, e.stored.SubscriptionSID)
}

// notSetUp tells what is missed. Calls are what callstream is for.
func (e *errand) notSetUp() schema.Finding {
	if e.kind == schema.SMSEvents {
		return e.finding(schema.SeverityOK, "", "SMS events are not set up; they are not needed for calls.")
	}
	return e.finding(schema.SeverityWarning, "Set the call events up: POST /api/twilio/setup-event-sink.",
		"Call events are not set up: callstream hears of calls only by status callbacks and by asking Twilio from time to time.")
}

// unfinished tells of a set-up that was not stored.
func (e *errand) unfinished(leftovers []schema.Sink) schema.Finding {
	return e.finding(schema.SeverityWarning,
		fmt.Sprintf("Set the %s events up, which goes on from there, or remove them: POST /api/twilio/setup-event-sink or /api/twilio/remove-event-sink.", e.kind),
		"The %s events are not set up here, but the account has %s of a set-up that was interrupted or forgotten.", e.kind, listed(leftovers))
}

// listed names sinks, never their destinations.
func listed(sinks []schema.Sink) string {
	sids := make([]string, 0, len(sinks))
	for _, s := range sinks {
		sids = append(sids, s.SID)
	}
	return "sink " + strings.Join(sids, ", ")
}

func (e *errand) finding(severity schema.Severity, advice, detail string, args ...any) schema.Finding {
	return schema.Finding{
		OrganizationID: e.org, Check: "events.sinks." + string(e.kind), Severity: severity,
		Detail: fmt.Sprintf(detail, args...), Advice: advice,
	}
}
