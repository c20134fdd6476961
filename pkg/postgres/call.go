package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// callMerge is what a set of events knows of a call: facts, and what they
// resolve to. As JSON it is one record of a statement's input.
type callMerge struct {
	schema.CallFacts
	AccountSID     string           `json:"account_sid"`
	OrganizationID string           `json:"organization_id,omitempty"`
	Direction      schema.Direction `json:"direction,omitempty"`
	PhoneNumber    string           `json:"phone_number,omitempty"`
}

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

// MergeCalls merges the updates into their calls' rows and adds their lines to
// the timelines. It returns, per update, whether it is part of a row now: an
// update that may not create one and finds none is kept until another creates
// it.
func (d *DB) MergeCalls(ctx context.Context, updates []schema.CallUpdate) ([]bool, error) {
	if len(updates) == 0 {
		return nil, nil
	}
	merged := map[string]callMerge{}
	creates := map[string]bool{}
	for _, u := range updates {
		m := callMerge{u.Facts, u.AccountSID, u.OrganizationID, u.Direction, u.PhoneNumber}
		merged[u.Facts.CallSID] = merged[u.Facts.CallSID].merge(m)
		creates[u.Facts.CallSID] = creates[u.Facts.CallSID] || u.Creates
	}
	sids := make([]string, 0, len(merged))
	for sid := range merged {
		sids = append(sids, sid)
	}
	slices.Sort(sids) // every worker takes rows in one order, and none waits in a circle

	// First its own part, committed; then what others left for it, or it for
	// others. Of two workers at one call the later to commit sees the earlier.
	err := d.transact(ctx, "merge calls", func(tx *sqlx.Tx) error {
		var rows []callMerge
		for _, sid := range sids {
			if creates[sid] {
				rows = append(rows, merged[sid])
			}
		}
		if err := upsertCalls(ctx, tx, rows); err != nil {
			return err
		}
		if err := saveDecisions(ctx, tx, updates); err != nil {
			return err
		}
		return addEvents(ctx, tx, events(updates, creates))
	})
	if err != nil {
		return nil, err
	}
	if err := d.join(ctx, sids); err != nil {
		return nil, err
	}
	return d.joined(ctx, updates, creates)
}

// upsertCalls merges rows, sorted by call SID, into the table by the rules of
// [schema.CallFacts.Merge]. GREATEST and LEAST ignore NULL: what is known stays.
func upsertCalls(ctx context.Context, tx *sqlx.Tx, rows []callMerge) error {
	if len(rows) == 0 {
		return nil
	}
	input, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode calls: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO call AS c (call_sid, account_sid, organization_id, parent_call_sid, from_number, to_number, direction, leg,
			phone_number, status, started_at, answered_at, ended_at, duration, trunk_sid, caller_name)
		SELECT call_sid, account_sid, organization_id, parent_call_sid, "from", "to", direction, leg,
			phone_number, status, started_at, answered_at, ended_at, duration, trunk_sid, caller_name
		FROM jsonb_to_recordset($1::jsonb) AS r (call_sid text, account_sid text, organization_id uuid, parent_call_sid text,
			"from" text, "to" text, direction text, leg call_leg, phone_number text, status call_status,
			started_at timestamptz, answered_at timestamptz, ended_at timestamptz, duration integer, trunk_sid text, caller_name text)
		ORDER BY call_sid
		ON CONFLICT (call_sid) DO UPDATE SET
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
			updated_at      = now()`, string(input))
	return err
}

// event is a row of call_event. Pending holds what the event knows until a row
// exists that it can join.
type event struct {
	schema.TimelineEntry
	Pending *callMerge `json:"pending,omitempty"`
}

// events are the updates' timeline lines; those of calls that no update of the
// batch creates are pending.
func events(updates []schema.CallUpdate, creates map[string]bool) []event {
	list := make([]event, len(updates))
	for i, u := range updates {
		list[i] = event{TimelineEntry: u.Entry}
		list[i].CallSID = u.Facts.CallSID
		if !creates[u.Facts.CallSID] {
			list[i].Pending = &callMerge{u.Facts, u.AccountSID, u.OrganizationID, u.Direction, u.PhoneNumber}
		}
	}
	return list
}

// addEvents stores timeline lines, each once. An event that is told again is
// pending again: joining twice changes nothing, while not joining might lose
// what it knows.
func addEvents(ctx context.Context, tx *sqlx.Tx, list []event) error {
	// One statement must not meet one key twice.
	slices.SortFunc(list, func(a, b event) int { return strings.Compare(a.key(), b.key()) })
	list = slices.CompactFunc(list, func(a, b event) bool { return a.key() == b.key() })
	if len(list) == 0 {
		return nil
	}
	input, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO call_event AS e (call_sid, msg_id, kind, recording_sid, origin, occurred_at, stored_at, stream_seq, detail, pending)
		SELECT call_sid, msg_id, kind, recording_sid, origin, occurred_at, stored_at, stream_seq, COALESCE(detail, ''), pending
		FROM jsonb_to_recordset($1::jsonb) AS r (call_sid text, msg_id text, kind text, recording_sid text, origin text,
			occurred_at timestamptz, stored_at timestamptz, stream_seq bigint, detail text, pending jsonb)
		ON CONFLICT (call_sid, msg_id, kind) DO UPDATE SET pending = EXCLUDED.pending
		WHERE EXCLUDED.pending IS NOT NULL`, string(input))
	return err
}

func (e event) key() string { return e.CallSID + "\x00" + e.MsgID + "\x00" + e.Kind }

// join merges pending events into the rows that exist by now.
func (d *DB) join(ctx context.Context, sids []string) error {
	return d.transact(ctx, "join pending events", func(tx *sqlx.Tx) error {
		var rows []struct {
			CallSID        string `db:"call_sid"`
			MsgID          string `db:"msg_id"`
			AccountSID     string `db:"account_sid"`
			OrganizationID string `db:"organization_id"`
			Pending        []byte `db:"pending"`
		}
		err := tx.SelectContext(ctx, &rows, `
			SELECT e.call_sid, e.msg_id, e.pending, c.account_sid, c.organization_id
			FROM call_event e JOIN call c USING (call_sid)
			WHERE e.call_sid = ANY($1) AND e.pending IS NOT NULL
			ORDER BY e.call_sid`, pq.Array(sids))
		if err != nil || len(rows) == 0 {
			return err
		}
		var merges []callMerge
		var ids []string
		for _, r := range rows {
			var m callMerge
			if err := json.Unmarshal(r.Pending, &m); err != nil {
				return fmt.Errorf("decode pending event %s: %w", r.MsgID, err)
			}
			m.AccountSID, m.OrganizationID = r.AccountSID, r.OrganizationID
			if n := len(merges); n > 0 && merges[n-1].CallSID == m.CallSID {
				merges[n-1] = merges[n-1].merge(m)
			} else {
				merges = append(merges, m)
			}
			ids = append(ids, r.MsgID)
		}
		if err := upsertCalls(ctx, tx, merges); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE call_event SET pending = NULL WHERE call_sid = ANY($1) AND msg_id = ANY($2)`,
			pq.Array(sids), pq.Array(ids))
		return err
	})
}

// joined returns which updates are part of a row.
func (d *DB) joined(ctx context.Context, updates []schema.CallUpdate, creates map[string]bool) ([]bool, error) {
	var unsure []string
	for sid, creating := range creates {
		if !creating {
			unsure = append(unsure, sid)
		}
	}
	exists := map[string]bool{}
	if len(unsure) > 0 {
		var found []string
		err := d.x.SelectContext(ctx, &found, `SELECT call_sid FROM call WHERE call_sid = ANY($1)`, pq.Array(unsure))
		if err != nil {
			return nil, classify("look for calls", err)
		}
		for _, sid := range found {
			exists[sid] = true
		}
	}
	result := make([]bool, len(updates))
	for i, u := range updates {
		result[i] = creates[u.Facts.CallSID] || exists[u.Facts.CallSID]
	}
	return result, nil
}

// CallStatus returns the call's status; [schema.NotFound] when it has no row.
func (d *DB) CallStatus(ctx context.Context, callSID string) (schema.CallStatus, error) {
	var status *string
	if err := d.x.GetContext(ctx, &status, `SELECT status FROM call WHERE call_sid = $1`, callSID); err != nil {
		return "", classify("read the status of "+callSID, err)
	}
	if status == nil {
		return "", nil
	}
	return schema.CallStatus(*status), nil
}

// AddTimeline adds lines to calls' timelines; a line that is there already
// stays as it is.
func (d *DB) AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error {
	return d.transact(ctx, "add to timeline", func(tx *sqlx.Tx) error {
		list := make([]event, 0, len(entries))
		for _, e := range entries {
			if e.CallSID != "" {
				list = append(list, event{TimelineEntry: e})
			}
		}
		return addEvents(ctx, tx, list)
	})
}

// Timeline returns a call's history, oldest first.
func (d *DB) Timeline(ctx context.Context, orgID, callSID string) ([]schema.TimelineEntry, error) {
	var rows []struct {
		MsgID        string    `db:"msg_id"`
		Kind         string    `db:"kind"`
		RecordingSID *string   `db:"recording_sid"`
		Origin       string    `db:"origin"`
		OccurredAt   time.Time `db:"occurred_at"`
		StoredAt     time.Time `db:"stored_at"`
		Sequence     int64     `db:"stream_seq"`
		Detail       string    `db:"detail"`
	}
	err := d.x.SelectContext(ctx, &rows, `
		SELECT e.msg_id, e.kind, e.recording_sid, e.origin, e.occurred_at, e.stored_at, e.stream_seq, e.detail
		FROM call_event e JOIN call c USING (call_sid)
		WHERE e.call_sid = $1 AND ($2 = '' OR c.organization_id::text = $2)
		ORDER BY e.occurred_at, e.stored_at, e.kind`, callSID, orgID)
	if err != nil {
		return nil, classify("read the timeline of "+callSID, err)
	}
	entries := make([]schema.TimelineEntry, len(rows))
	for i, r := range rows {
		entries[i] = schema.TimelineEntry{
			CallSID: callSID, MsgID: r.MsgID, Kind: r.Kind, RecordingSID: text(r.RecordingSID), Origin: schema.Origin(r.Origin),
			OccurredAt: r.OccurredAt.UTC(), StoredAt: r.StoredAt.UTC(), Sequence: uint64(r.Sequence), Detail: r.Detail, //nolint:gosec // never negative
		}
	}
	return entries, nil
}

// text is a nullable text, empty for NULL.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// known is a nullable text for the database: NULL when it is not known.
func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
