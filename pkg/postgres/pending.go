package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// pendingRow is an event that waits for its call's row.
type pendingRow struct {
	CallSID string          `db:"call_sid" json:"call_sid"`
	MsgID   string          `db:"msg_id" json:"msg_id"`
	Kind    string          `db:"kind" json:"kind"`
	Pending json.RawMessage `db:"pending" json:"pending,omitempty"`
}

// joinPending merges pending events into the rows that exist by now. Nearly
// always it finds none, which costs one look.
func (d *DB) joinPending(ctx context.Context, sids []string) error {
	var some bool
	err := d.x.GetContext(ctx, &some, `
		SELECT EXISTS (SELECT FROM call_event e JOIN call c USING (call_sid) WHERE e.call_sid = ANY($1) AND e.pending IS NOT NULL)`, pq.Array(sids))
	if err != nil || !some {
		return classify("look for pending events", err)
	}
	return d.transact(ctx, "join pending events", func(tx *sqlx.Tx) error { return joinPending(ctx, tx, sids) })
}

// joinPending locks calls before events, as [DB.MergeCalls] does. With the
// events locked, nobody can add to one what would be wiped unread.
func joinPending(ctx context.Context, tx *sqlx.Tx, sids []string) error {
	if err := lockCalls(ctx, tx, sids); err != nil {
		return err
	}
	owners, err := callOwners(ctx, tx, sids)
	if err != nil {
		return err
	}
	var events []pendingRow
	err = tx.SelectContext(ctx, &events, `
		SELECT call_sid, msg_id, kind, pending FROM call_event
		WHERE call_sid = ANY($1) AND pending IS NOT NULL
		ORDER BY call_sid COLLATE "C", msg_id COLLATE "C", kind COLLATE "C" FOR UPDATE`, pq.Array(sids))
	if err != nil || len(events) == 0 { // none: another worker was here first
		return err
	}
	rows, err := takeIn(events, owners)
	if err != nil {
		return err
	}
	if err := upsertCalls(ctx, tx, rows, map[callKey]bool{}); err != nil {
		return err
	}
	return settlePending(ctx, tx, events)
}

func lockCalls(ctx context.Context, tx *sqlx.Tx, sids []string) error {
	_, err := tx.ExecContext(ctx, `
		SELECT FROM call WHERE call_sid = ANY($1) ORDER BY call_sid COLLATE "C" FOR UPDATE`, pq.Array(sids))
	return err
}

// takeIn merges what the events know of the owners' calls, sorted by call SID,
// and leaves in the events what belongs to nobody here.
func takeIn(events []pendingRow, owners map[string]callOwner) ([]callMerge, error) {
	merged := map[string]callMerge{}
	for i, e := range events {
		var known, rest []callMerge
		if err := json.Unmarshal(e.Pending, &known); err != nil {
			return nil, fmt.Errorf("decode pending event %s: %w", e.MsgID, err)
		}
		for _, m := range known {
			owner := owners[e.CallSID]
			if m.AccountSID != owner.AccountSID {
				rest = append(rest, m)
				continue
			}
			m.OrganizationID = owner.OrganizationID
			merged[e.CallSID] = merged[e.CallSID].merge(m)
		}
		events[i].Pending = nil
		if len(rest) > 0 {
			left, err := encode("pending event", rest)
			if err != nil {
				return nil, err
			}
			events[i].Pending = json.RawMessage(left)
		}
	}
	rows := make([]callMerge, 0, len(merged))
	for _, m := range merged {
		rows = append(rows, m)
	}
	slices.SortFunc(rows, func(a, b callMerge) int { return cmp.Compare(a.CallSID, b.CallSID) })
	return rows, nil
}

// settlePending stores what is left of the events.
func settlePending(ctx context.Context, tx *sqlx.Tx, events []pendingRow) error {
	input, err := encode("pending events", events)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE call_event e SET pending = r.pending
		FROM jsonb_to_recordset($1::jsonb) AS r (call_sid text, msg_id text, kind text, pending jsonb)
		WHERE e.call_sid = r.call_sid AND e.msg_id = r.msg_id AND e.kind = r.kind`, input)
	return err
}
