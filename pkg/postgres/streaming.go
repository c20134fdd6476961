package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// ofKind is the statement with the kind's name for each "{}": the kinds have
// columns of their own.
func ofKind(kind schema.EventKind, statement string) (string, error) {
	if !kind.Valid() {
		return "", schema.Errorf(schema.Invalid, "event kind %q is neither %s nor %s", kind, schema.SMSEvents, schema.CallEvents)
	}
	return strings.ReplaceAll(statement, "{}", string(kind)), nil
}

// SaveEventStreaming stores the organization's event sink of a kind: sink,
// subscription and whether Twilio delivers, all at once. When it was tested is
// [DB.SinkTested]'s and stays. [schema.NotFound] when the organization has no
// Twilio settings.
func (d *DB) SaveEventStreaming(ctx context.Context, orgID string, kind schema.EventKind, s schema.EventStreaming) error {
	statement, err := ofKind(kind, `
		UPDATE organization_twilio_settings
		SET {}_events_active = $2, {}_sink_sid = $3, {}_subscription_sid = $4, updated_at = clock_timestamp() WHERE organization_id = $1`)
	if err != nil {
		return err
	}
	return d.administer(ctx, "save the "+string(kind)+" events of organization "+orgID, orgID, func(a act) error {
		row, err := readSettings(ctx, a.Tx, a.org)
		if err != nil {
			return err
		}
		stored := row.settings().Events(kind)
		r := revision{detail: map[string]any{}}
		revise(&r, "active", &stored.Active, &s.Active)
		revise(&r, "sink_sid", &stored.SinkSID, &s.SinkSID)
		revise(&r, "subscription_sid", &stored.SubscriptionSID, &s.SubscriptionSID)
		if len(r.detail) == 0 {
			return nil
		}
		if _, err := a.ExecContext(ctx, statement, a.org, s.Active, known(s.SinkSID), known(s.SubscriptionSID)); err != nil {
			return err
		}
		return a.log(ctx, "events.save", string(kind), r.detail)
	})
}

// SinkTested stores that a test event of Twilio's arrived for the kind, unless a
// later one did. [schema.NotFound] when the organization has no Twilio settings.
func (d *DB) SinkTested(ctx context.Context, orgID string, kind schema.EventKind, at time.Time) error {
	statement, err := ofKind(kind, `UPDATE organization_twilio_settings SET {}_events_tested_at = $2 WHERE organization_id = $1`)
	if err != nil {
		return err
	}
	at = at.UTC().Truncate(time.Microsecond) // what Postgres keeps
	return d.administer(ctx, "store the test of the "+string(kind)+" events of organization "+orgID, orgID, func(a act) error {
		row, err := readSettings(ctx, a.Tx, a.org)
		if err != nil {
			return err
		}
		before := row.settings().Events(kind).TestedAt
		if before != nil && !before.Before(at) {
			return nil
		}
		if _, err := a.ExecContext(ctx, statement, a.org, at); err != nil {
			return err
		}
		return a.log(ctx, "events.test", string(kind), changed("tested_at", before, at))
	})
}
