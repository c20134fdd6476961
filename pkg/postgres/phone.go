package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// checkTime bounds is_recording_enabled: while it waits, a call goes
// unrecorded or, worse, ends.
const checkTime = 2 * time.Second

// ResolvePhoneAndDirection says whose the calls' numbers are, in the order of
// the queries and with one statement for all. A number counts only where its
// organization also owns the call's account, so that nobody draws another's
// calls to itself by claiming a number.
func (d *DB) ResolvePhoneAndDirection(ctx context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error) {
	accounts, numbers := make([]string, 0, len(queries)), make([]string, 0, 2*len(queries))
	for _, q := range queries {
		accounts = append(accounts, q.AccountSID)
		numbers = append(numbers, q.From, q.To)
	}
	var rows []struct {
		AccountSID     string  `db:"account_sid"`
		OrganizationID string  `db:"organization_id"`
		Number         *string `db:"number"`
	}
	err := d.x.SelectContext(ctx, &rows, `
		SELECT s.account_sid, s.organization_id, p.number
		FROM organization_twilio_settings s
		LEFT JOIN phone_number p ON p.organization_id = s.organization_id AND p.number = ANY($2)
		WHERE s.account_sid = ANY($1)`, pq.Array(accounts), pq.Array(numbers))
	if err != nil {
		return nil, classify("resolve numbers", err)
	}
	owner := map[string]string{}  // account → organization
	known := map[[2]string]bool{} // account and number
	for _, r := range rows {
		owner[r.AccountSID] = r.OrganizationID
		if r.Number != nil {
			known[[2]string{r.AccountSID, *r.Number}] = true
		}
	}
	resolutions := make([]schema.Resolution, len(queries))
	for i, q := range queries {
		resolutions[i] = resolve(q, owner[q.AccountSID],
			q.From != "" && known[[2]string{q.AccountSID, q.From}], q.To != "" && known[[2]string{q.AccountSID, q.To}])
	}
	return resolutions, nil
}

// resolve decides for one call, given which of its numbers are its owner's. A
// call between two numbers of one organization, or between none, goes the way
// that Twilio's leg says.
func resolve(q schema.PhoneQuery, org string, from, to bool) schema.Resolution {
	r := schema.Resolution{AccountOrg: org, Direction: q.Leg.Direction()}
	switch {
	case to && !from:
		r.Direction = schema.Inbound
	case from && !to:
		r.Direction = schema.Outbound
	}
	if from || to {
		r.OrganizationID = org
		r.PhoneNumber = q.To
		if !to || (from && r.Direction == schema.Outbound) {
			r.PhoneNumber = q.From
		}
	}
	return r
}

// IsRecordingEnabled looks afresh whether the call may be recorded. It fails
// closed: whatever is not a clear yes is a no, with what the look-up returned,
// or its error, as evidence.
func (d *DB) IsRecordingEnabled(ctx context.Context, q schema.PhoneQuery) schema.RecordingCheck {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var row struct {
		OrganizationID string    `db:"organization_id"`
		Enabled        bool      `db:"call_recording_enabled"`
		ChangedAt      time.Time `db:"call_recording_changed_at"`
		Number         *string   `db:"number"`
	}
	err := classify("look up settings", d.x.GetContext(ctx, &row, `
		SELECT s.organization_id, s.call_recording_enabled, s.call_recording_changed_at,
			(SELECT min(p.number) FROM phone_number p WHERE p.organization_id = s.organization_id AND p.number IN ($2, $3)) AS number
		FROM organization_twilio_settings s
		WHERE s.account_sid = $1`, q.AccountSID, q.From, q.To))
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return schema.RecordingCheck{Rule: schema.RuleNoSettings, Evidence: "account " + q.AccountSID + " has no settings"}
	case err != nil:
		return schema.RecordingCheck{Rule: schema.RuleLookupFailed, Evidence: err.Error()}
	}
	check := schema.RecordingCheck{OrganizationID: row.OrganizationID}
	since := row.ChangedAt.UTC().Format(time.RFC3339)
	switch {
	case row.Number == nil || *row.Number == "":
		check.Rule = schema.RuleNumberUnknown
		check.Evidence = fmt.Sprintf("neither %q nor %q is a number of the organization", q.From, q.To)
	case !row.Enabled:
		check.Rule = schema.RuleDisabled
		check.Evidence = fmt.Sprintf("%s is a number of the organization; call_recording_enabled is off since %s", *row.Number, since)
	default:
		check.Enabled, check.Rule = true, schema.RuleEnabled
		check.Evidence = fmt.Sprintf("%s is a number of the organization; call_recording_enabled is on since %s", *row.Number, since)
	}
	return check
}
