package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// callMerge is what a set of events knows of a call: facts, and what they
// resolve to. As JSON it is one record of a statement's input.
type callMerge struct {
	schema.CallFacts
	AccountSID     string           `json:"account_sid"`
	OrganizationID string           `json:"organization_id,omitempty"` // only of events that may create the row
	Direction      schema.Direction `json:"direction,omitempty"`
	PhoneNumber    string           `json:"phone_number,omitempty"`
}

// mergeOf is what one update knows, without what the columns cannot hold: a
// status or leg that this version does not know is unknown.
func mergeOf(u schema.CallUpdate) callMerge {
	m := callMerge{CallFacts: u.Facts, AccountSID: u.AccountSID, Direction: u.Direction, PhoneNumber: storable(u.PhoneNumber)}
	if creates(u) {
		m.OrganizationID = u.OrganizationID
	}
	for _, text := range []*string{&m.ParentCallSID, &m.From, &m.To, &m.TrunkSID, &m.Caller} {
		*text = storable(*text)
	}
	if m.Status.Rank() == 0 {
		m.Status = ""
	}
	if !slices.Contains(schema.Legs, m.Leg) {
		m.Leg = ""
	}
	return m
}

// creates reports whether the update may create a row: one without an owner
// would be nobody's.
func creates(u schema.CallUpdate) bool { return u.Creates && u.OrganizationID != "" }

// merge is [schema.CallFacts.Merge] for the whole.
func (m callMerge) merge(other callMerge) callMerge {
	return callMerge{
		CallFacts:      m.CallFacts.Merge(other.CallFacts),
		AccountSID:     max(m.AccountSID, other.AccountSID),
		OrganizationID: max(m.OrganizationID, other.OrganizationID),
		Direction:      max(m.Direction, other.Direction),
		PhoneNumber:    max(m.PhoneNumber, other.PhoneNumber),
	}
}

// callKey names a call. The account is part of it: an event of one account says
// nothing of another's call, whatever SID it claims.
type callKey struct{ callSID, accountSID string }

func keyOf(u schema.CallUpdate) callKey { return callKey{u.Facts.CallSID, u.AccountSID} }

// MergeCalls merges the updates into their calls' rows, stores the decisions
// that they carry unless final ones are stored, and adds their lines to the
// timelines. It returns, per update, whether it is part of a row now: an update
// that may not create one and finds none is kept until another creates it. One
// that claims another account's call is dropped.
func (d *DB) MergeCalls(ctx context.Context, updates []schema.CallUpdate) ([]bool, error) {
	if len(updates) == 0 {
		return nil, nil
	}
	// First its own part, committed; then what others left for it, or it for
	// others. Of two workers at one call the later to commit sees the earlier.
	var joined map[callKey]bool
	err := d.transact(ctx, "merge calls", func(tx *sqlx.Tx) (err error) {
		joined, err = d.mergeCalls(ctx, tx, updates)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := d.joinPending(ctx, callSIDs(updates)); err != nil {
		return nil, err
	}
	return d.joined(ctx, updates, joined)
}

// joined tells which updates are part of a row. Those that waited may have been
// taken in meanwhile, by this worker or by whoever created the row.
func (d *DB) joined(ctx context.Context, updates []schema.CallUpdate, joined map[callKey]bool) ([]bool, error) {
	waiting := slices.DeleteFunc(slices.Clone(updates), func(u schema.CallUpdate) bool { return joined[keyOf(u)] })
	if len(waiting) > 0 {
		owners, err := callOwners(ctx, d.x, callSIDs(waiting))
		if err != nil {
			return nil, classify("look for calls", err)
		}
		for _, o := range owners {
			joined[callKey{o.CallSID, o.AccountSID}] = true
		}
	}
	result := make([]bool, len(updates))
	for i, u := range updates {
		result[i] = joined[keyOf(u)]
	}
	return result, nil
}

// mergeCalls writes the updates and returns the calls whose rows took them in.
// Rows are locked in one order, calls before decisions before events, so that
// no two workers wait for each other.
func (d *DB) mergeCalls(ctx context.Context, tx *sqlx.Tx, updates []schema.CallUpdate) (map[callKey]bool, error) {
	owners, err := callOwners(ctx, tx, callSIDs(updates))
	if err != nil {
		return nil, err
	}
	joined := map[callKey]bool{}
	for _, rows := range rounds(ready(updates, owners), func(m callMerge) string { return m.CallSID }) {
		if err := upsertCalls(ctx, tx, rows, joined); err != nil {
			return nil, err
		}
	}
	waits := func(u schema.CallUpdate) bool {
		return !joined[keyOf(u)] && !creates(u) && owners[u.Facts.CallSID].AccountSID == ""
	}
	own := slices.DeleteFunc(slices.Clone(updates), func(u schema.CallUpdate) bool {
		foreign := !joined[keyOf(u)] && !waits(u)
		if foreign {
			d.log.WarnContext(ctx, "event claims another account's call", "call_sid", u.Facts.CallSID, "account_sid", u.AccountSID)
		}
		return foreign
	})
	if err := saveDecisions(ctx, tx, own); err != nil {
		return nil, err
	}
	return joined, addEvents(ctx, tx, eventsOf(own, waits))
}

// ready merges, per call, the updates that can be written at once: those of
// calls that have a row, or that one of the updates creates. Sorted.
func ready(updates []schema.CallUpdate, owners map[string]callOwner) []callMerge {
	merged := map[callKey]callMerge{}
	for _, u := range updates {
		merged[keyOf(u)] = merged[keyOf(u)].merge(mergeOf(u))
	}
	rows := make([]callMerge, 0, len(merged))
	for key, m := range merged {
		if owner := owners[key.callSID]; owner.AccountSID == key.accountSID {
			m.OrganizationID = cmp.Or(m.OrganizationID, owner.OrganizationID)
		}
		if m.OrganizationID != "" {
			rows = append(rows, m)
		}
	}
	slices.SortFunc(rows, func(a, b callMerge) int {
		return cmp.Or(cmp.Compare(a.CallSID, b.CallSID), cmp.Compare(a.AccountSID, b.AccountSID))
	})
	return rows
}

// callOwner says whose a call's row is.
type callOwner struct {
	CallSID        string `db:"call_sid"`
	AccountSID     string `db:"account_sid"`
	OrganizationID string `db:"organization_id"`
}

// callOwners returns whose the rows are that exist, by call SID.
func callOwners(ctx context.Context, db sqlx.QueryerContext, sids []string) (map[string]callOwner, error) {
	var rows []callOwner
	err := sqlx.SelectContext(ctx, db, &rows, `SELECT call_sid, account_sid, organization_id FROM call WHERE call_sid = ANY($1)`, pq.Array(sids))
	owners := make(map[string]callOwner, len(rows))
	for _, r := range rows {
		owners[r.CallSID] = r
	}
	return owners, err
}

// upsertCalls merges rows, sorted by call SID and each once, into the table by
// the rules of [schema.CallFacts.Merge], and adds to joined those that were
// taken in. GREATEST and LEAST ignore NULL: what is known stays.
func upsertCalls(ctx context.Context, tx *sqlx.Tx, rows []callMerge, joined map[callKey]bool) error {
	if len(rows) == 0 {
		return nil
	}
	input, err := encode("calls", rows)
	if err != nil {
		return err
	}
	var landed []callOwner
	err = tx.SelectContext(ctx, &landed, `
		INSERT INTO call AS c (call_sid, account_sid, organization_id, parent_call_sid, from_number, to_number, direction, leg,
			phone_number, status, started_at, answered_at, ended_at, duration, trunk_sid, caller_name)
		SELECT call_sid, account_sid, organization_id, parent_call_sid, "from", "to", direction, leg,
			phone_number, status, started_at, answered_at, ended_at, duration, trunk_sid, caller_name
		FROM jsonb_to_recordset($1::jsonb) AS r (call_sid text, account_sid text, organization_id uuid, parent_call_sid text,
			"from" text, "to" text, direction text, leg call_leg, phone_number text, status call_status,
			started_at timestamptz, answered_at timestamptz, ended_at timestamptz, duration integer, trunk_sid text, caller_name text)
		ORDER BY call_sid COLLATE "C"
		ON CONFLICT (call_sid) DO UPDATE SET
			organization_id = GREATEST(c.organization_id, EXCLUDED.organization_id),
			parent_call_sid = GREATEST(c.parent_call_sid, EXCLUDED.parent_call_sid),
			from_number     = GREATEST(c.from_number, EXCLUDED.from_number),
			to_number       = GREATEST(c.to_number, EXCLUDED.to_number),
			direction       = GREATEST(c.direction, EXCLUDED.direction),
			leg             = GREATEST(c.leg, EXCLUDED.leg),
			phone_number    = GREATEST(c.phone_number, EXCLUDED.phone_number),
			status          = GREATEST(c.status, EXCLUDED.status),
			started_at      = LEAST(c.started_at, EXCLUDED.started_at),
			answered_at     = LEAST(c.answered_at, EXCLUDED.answered_at),
			ended_at        = GREATEST(c.ended_at, EXCLUDED.ended_at),
			duration        = GREATEST(c.duration, EXCLUDED.duration),
			trunk_sid       = GREATEST(c.trunk_sid, EXCLUDED.trunk_sid),
			caller_name     = GREATEST(c.caller_name, EXCLUDED.caller_name),
			updated_at      = now()
		WHERE c.account_sid = EXCLUDED.account_sid
		RETURNING call_sid, account_sid, organization_id`, input)
	for _, r := range landed {
		joined[callKey{r.CallSID, r.AccountSID}] = true
	}
	return err
}

// callSIDs are the calls of the updates, each once.
func callSIDs(updates []schema.CallUpdate) []string {
	sids := make([]string, len(updates))
	for i, u := range updates {
		sids[i] = u.Facts.CallSID
	}
	slices.Sort(sids)
	return slices.Compact(sids)
}

// CallStatus returns the call's status; [schema.NotFound] when it has no row.
func (d *DB) CallStatus(ctx context.Context, callSID string) (schema.CallStatus, error) {
	var status *schema.CallStatus
	err := d.x.GetContext(ctx, &status, `SELECT status FROM call WHERE call_sid = $1`, callSID)
	return value(status), classify("read the status of "+callSID, err)
}
