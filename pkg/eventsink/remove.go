package eventsink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// Remove ends the delivery of the organization's events of a kind and removes
// what is ours of it at Twilio, stored or left by an interrupted set-up. A
// repeat is safe. While a subscription may go on, it stays stored and the error
// is returned; a sink that could not be deleted is told in the warning.
//
// With forget only what is stored goes, and Twilio is not asked: for an account
// whose credentials are dead. Everything at Twilio stays.
//
// Errors: [schema.NotFound] when the organization has no Twilio settings,
// [schema.Unauthorized] when Twilio does not take their credentials.
func (s *Sinks) Remove(ctx context.Context, orgID string, kind schema.EventKind, forget bool) (schema.SinkRemoval, error) {
	removal := schema.SinkRemoval{Kind: kind}
	err := s.turn(ctx, orgID, kind, func(ctx context.Context) (err error) {
		if forget {
			removal.Removed, removal.Warning, err = s.forget(ctx, orgID, kind)
			return err
		}
		e, err := s.errand(ctx, orgID, kind)
		if err != nil {
			return err
		}
		removal.Removed, removal.Warning, err = e.remove(ctx)
		if schema.CodeOf(err) == schema.Unauthorized {
			err = schema.Errorf(schema.Unauthorized, "%w; if the account is lost, remove the events with forget, which does not ask Twilio", err)
		}
		return explained(e.account, err)
	})
	if err != nil {
		return schema.SinkRemoval{}, fmt.Errorf("remove %s events of organization %s: %w", kind, orgID, err)
	}
	return removal, nil
}

// forget clears what is stored. It reads no token: those may be what is broken.
func (s *Sinks) forget(ctx context.Context, orgID string, kind schema.EventKind) (forgotten bool, warning string, err error) {
	settings, err := s.config.Store.Settings(ctx, orgID)
	if err != nil {
		return false, "", err
	}
	stored := settings.Events(kind)
	if stored.SinkSID == "" && stored.SubscriptionSID == "" && !stored.Active {
		return false, "", nil
	}
	if err := s.config.Store.SaveEventStreaming(ctx, orgID, kind, schema.EventStreaming{}); err != nil {
		return false, "", err
	}
	var left []string
	if stored.SubscriptionSID != "" {
		left = append(left, "subscription "+stored.SubscriptionSID)
	}
	if stored.SinkSID != "" {
		left = append(left, "sink "+stored.SinkSID)
	}
	return true, fmt.Sprintf("Twilio was not asked: unless they are gone, %s of account %s go on delivering; delete them, in this order, in the Twilio console under Event Streams",
		strings.Join(left, " and "), settings.AccountSID), nil
}

// remove ends every subscription before it touches a sink, the stored one last:
// as long as any of them fails, what is stored goes on being true. After that
// nothing is delivered any more, so what is stored is cleared whatever becomes
// of the sinks.
func (e *errand) remove(ctx context.Context) (removed bool, warning string, err error) {
	present, err := e.inventory(ctx)
	if err != nil && e.stored.SubscriptionSID == "" {
		return false, "", err
	}
	var warnings []string
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("whether anything else is left over was not seen: %v", err))
	}
	sinks := e.discarded(present)
	for _, sub := range e.ended(present, sinks) {
		gone, err := e.Twilio.DeleteEventSubscription(ctx, e.account, sub)
		if err != nil {
			return false, "", err
		}
		removed = removed || !gone
	}
	for _, sid := range sinks {
		gone, err := e.Twilio.DeleteSink(ctx, e.account, sid)
		if err != nil {
			warnings = append(warnings, leftBehind(sid, err))
		}
		removed = removed || (err == nil && !gone)
	}
	removed = removed || e.stored.Active || e.stored.SinkSID != "" || e.stored.SubscriptionSID != ""
	if err := e.save(ctx, schema.EventStreaming{}); err != nil {
		return false, "", err
	}
	return removed, strings.Join(warnings, "; "), nil
}

// discarded are the SIDs of the sinks that go: all that are ours, and the stored
// one, listed or not.
func (e *errand) discarded(present inventory) []string {
	var sids []string
	for _, s := range e.leftovers(present, e.stored.SinkSID) {
		sids = append(sids, s.SID)
	}
	if e.stored.SinkSID != "" {
		sids = append(sids, e.stored.SinkSID)
	}
	return sids
}

// ended are the SIDs of the subscriptions that go: ours of those sinks, and the
// stored one.
func (e *errand) ended(present inventory, sinks []string) []string {
	var sids []string
	for _, sub := range present.subscriptions {
		if slices.Contains(sinks, sub.SinkSID) && sub.SID != e.stored.SubscriptionSID && e.made(sub) {
			sids = append(sids, sub.SID)
		}
	}
	if e.stored.SubscriptionSID != "" {
		sids = append(sids, e.stored.SubscriptionSID)
	}
	return sids
}

// leftBehind says why a sink stays and what it takes to go.
func leftBehind(sinkSID string, err error) string {
	if errors.Is(err, schema.ErrSinkInUse) {
		return fmt.Sprintf("sink %s stays: somebody else's subscription uses it", sinkSID)
	}
	return fmt.Sprintf("sink %s is left at Twilio, where it delivers nothing and counts to the account's %d: delete it in the Twilio console under Event Streams (%v)",
		sinkSID, sinkLimit, err)
}
