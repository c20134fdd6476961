package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// checkTime bounds is_recording_enabled: while it waits, a call goes
// unrecorded or, worse, ends.
const checkTime = 2 * time.Second

// IsRecordingEnabled looks afresh whether the call may be recorded. It fails
// closed: whatever is not a clear yes is a no, with what the look-up returned,
// or its error, as evidence. It answers within about two seconds even when the
// database is silent: to break a look-up off takes a moment longer, for which
// nobody waits.
func (d *DB) IsRecordingEnabled(ctx context.Context, q schema.PhoneQuery) schema.RecordingCheck {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	answer := make(chan schema.RecordingCheck, 1)
	go func() { answer <- d.check(ctx, q) }()
	select {
	case check := <-answer:
		return check
	case <-ctx.Done():
		return lookupFailed(ctx.Err())
	}
}

func lookupFailed(err error) schema.RecordingCheck {
	return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: classify("look up settings", err).Error()}
}

// switchRow is the switch of the account's organization, and which of its
// numbers the call has.
type switchRow struct {
	OrganizationID string    `db:"organization_id"`
	Enabled        bool      `db:"call_recording_enabled"`
	Since          time.Time `db:"call_recording_enabled_at"`
	Number         *string   `db:"number"`
}

func (d *DB) check(ctx context.Context, q schema.PhoneQuery) schema.RecordingCheck {
	var row switchRow
	err := d.x.GetContext(ctx, &row, `
		SELECT s.organization_id, s.call_recording_enabled, s.call_recording_enabled_at,
			(SELECT min(p.number) FROM phone_number p
			WHERE p.organization_id = s.organization_id AND p.number <> '' AND p.number IN ($2, $3)) AS number
		FROM organization_twilio_settings s
		WHERE s.account_sid = $1`, q.AccountSID, storable(q.From), storable(q.To))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return schema.RecordingCheck{Rule: schema.RuleNoSettings, Evidence: "no organization has settings for account " + q.AccountSID}
	case err != nil:
		return lookupFailed(err)
	}
	return row.answer(q)
}

// answer is yes only for a known number of an organization that switched
// recording on.
func (r switchRow) answer(q schema.PhoneQuery) schema.RecordingCheck {
	check := schema.RecordingCheck{OrganizationID: r.OrganizationID}
	if r.Number == nil {
		check.Rule = schema.RuleNumberUnknown
		check.Evidence = fmt.Sprintf("neither %q nor %q is a number of organization %s", q.From, q.To, r.OrganizationID)
		return check
	}
	state := "off"
	check.Rule = schema.RuleDisabled
	if r.Enabled {
		state = "on"
		check.Enabled, check.Rule = true, schema.RuleEnabled
	}
	check.Evidence = fmt.Sprintf("%s is a number of organization %s; call_recording_enabled is %s since %s",
		*r.Number, r.OrganizationID, state, r.Since.UTC().Format(time.RFC3339))
	return check
}
