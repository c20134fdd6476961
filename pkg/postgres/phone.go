package postgres

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// ResolvePhoneAndDirection says whose the calls' numbers are, in the order of
// the queries and with one statement for all. A number counts only where its
// organization also owns the call's account, so that nobody draws another's
// calls to itself by claiming a number.
func (d *DB) ResolvePhoneAndDirection(ctx context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error) {
	accounts, numbers := make([]string, 0, len(queries)), make([]string, 0, 2*len(queries))
	for _, q := range queries {
		accounts = append(accounts, q.AccountSID)
		numbers = append(numbers, storable(q.From), storable(q.To)) // one odd party must not fail all
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
		WHERE s.account_sid = ANY($1)`, pq.Array(each(accounts)), pq.Array(each(numbers)))
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

// each returns the values, each once: many calls share an account and a number.
func each(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
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
