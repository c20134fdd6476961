package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// event is a row of call_event. Pending holds what the event knows until a row
// exists that it can join.
type event struct {
	schema.TimelineEntry
	Pending []callMerge `json:"pending,omitempty"`
}

// eventsOf are the updates' timeline lines, those that wait with what they know.
func eventsOf(updates []schema.CallUpdate, waits func(schema.CallUpdate) bool) []event {
	list := make([]event, len(updates))
	for i, u := range updates {
		list[i] = event{TimelineEntry: u.Entry}
		list[i].CallSID = u.Facts.CallSID
		if waits(u) {
			list[i].Pending = []callMerge{mergeOf(u)}
		}
	}
	return list
}

// addEvents stores timeline lines, each once. Where the stream holds several
// tellings of one fact the earliest is the line, whichever is handled first. An
// event that is told again adds to what is pending of it: joining twice changes
// nothing, while not joining might lose what the second telling knew.
func addEvents(ctx context.Context, tx *sqlx.Tx, list []event) error {
	list = distinct(list)
	if len(list) == 0 {
		return nil
	}
	input, err := encode("events", list)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO call_event AS e (call_sid, msg_id, kind, recording_sid, origin, occurred_at, stored_at, stream_seq, detail, pending)
		SELECT call_sid, msg_id, kind, recording_sid, origin, occurred_at, stored_at, stream_seq, COALESCE(detail, ''), pending
		FROM jsonb_to_recordset($1::jsonb) AS r (call_sid text, msg_id text, kind text, recording_sid text, origin text,
			occurred_at timestamptz, stored_at timestamptz, stream_seq bigint, detail text, pending jsonb)
		ON CONFLICT (call_sid, msg_id, kind) DO UPDATE SET
			pending = CASE WHEN EXCLUDED.pending IS NULL OR e.pending @> EXCLUDED.pending THEN e.pending
				ELSE COALESCE(e.pending, '[]') || EXCLUDED.pending END,
			(origin, occurred_at, stored_at, stream_seq, detail) = (
				SELECT EXCLUDED.origin, EXCLUDED.occurred_at, EXCLUDED.stored_at, EXCLUDED.stream_seq, EXCLUDED.detail
				WHERE EXCLUDED.stream_seq < e.stream_seq
				UNION ALL SELECT e.origin, e.occurred_at, e.stored_at, e.stream_seq, e.detail WHERE EXCLUDED.stream_seq >= e.stream_seq)
		WHERE EXCLUDED.pending IS NOT NULL OR EXCLUDED.stream_seq < e.stream_seq`, input)
	return err
}

// distinct sorts the events in the order in which rows are locked and makes one
// of those that are told twice.
func distinct(list []event) []event {
	for i := range list {
		list[i].MsgID, list[i].Detail = storable(list[i].MsgID), storable(list[i].Detail)
	}
	slices.SortStableFunc(list, compareEvents)
	var each []event
	for _, e := range list {
		if n := len(each); n > 0 && compareEvents(each[n-1], e) == 0 {
			e.Pending = append(each[n-1].Pending, e.Pending...)
			if e.Sequence >= each[n-1].Sequence {
				e.TimelineEntry = each[n-1].TimelineEntry
			}
			each[n-1] = e
			continue
		}
		each = append(each, e)
	}
	return each
}

func compareEvents(a, b event) int {
	return cmp.Or(cmp.Compare(a.CallSID, b.CallSID), cmp.Compare(a.MsgID, b.MsgID), cmp.Compare(a.Kind, b.Kind))
}

// AddTimeline adds lines to calls' timelines; a line that is there already
// stays as it is, unless this one comes from an earlier message, and one that
// names no call is nowhere to be added.
func (d *DB) AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error {
	list := make([]event, 0, len(entries))
	for _, e := range entries {
		if e.CallSID != "" {
			list = append(list, event{TimelineEntry: e})
		}
	}
	return d.transact(ctx, "add to timeline", func(tx *sqlx.Tx) error { return addEvents(ctx, tx, list) })
}

type eventRow struct {
	MsgID        string    `db:"msg_id"`
	Kind         string    `db:"kind"`
	RecordingSID *string   `db:"recording_sid"`
	Origin       string    `db:"origin"`
	OccurredAt   time.Time `db:"occurred_at"`
	StoredAt     time.Time `db:"stored_at"`
	Sequence     int64     `db:"stream_seq"`
	Detail       string    `db:"detail"`
}

func (r eventRow) entry(callSID string) schema.TimelineEntry {
	return schema.TimelineEntry{
		CallSID: callSID, MsgID: r.MsgID, Kind: r.Kind, RecordingSID: value(r.RecordingSID), Origin: schema.Origin(r.Origin),
		OccurredAt: r.OccurredAt.UTC(), StoredAt: r.StoredAt.UTC(), Sequence: uint64(r.Sequence), Detail: r.Detail, //nolint:gosec // never negative
	}
}

// Timeline returns a call's history, oldest first; it is empty for a call that
// the organization does not have. An empty organization is the operator.
func (d *DB) Timeline(ctx context.Context, orgID, callSID string) ([]schema.TimelineEntry, error) {
	var rows []eventRow
	err := d.x.SelectContext(ctx, &rows, `
		SELECT e.msg_id, e.kind, e.recording_sid, e.origin, e.occurred_at, e.stored_at, e.stream_seq, e.detail
		FROM call_event e JOIN call c USING (call_sid)
		WHERE e.call_sid = $1 AND ($2 = '' OR c.organization_id::text = $2)
		ORDER BY e.occurred_at, e.stored_at, e.kind, e.msg_id`, callSID, orgID)
	entries := make([]schema.TimelineEntry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry(callSID)
	}
	return entries, classify("read the timeline of "+callSID, err)
}
