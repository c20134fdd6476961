package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// pageSize is the size of a page for who asks for none.
const pageSize = 50

// CallRecords returns a page of calls, newest first, and the cursor of the next
// page, empty on the last. An empty organization is the operator: all of them.
func (d *DB) CallRecords(ctx context.Context, orgID string, f schema.CallFilter) (page []schema.CallRecord, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	w, err := conditions(orgID, f)
	if err != nil {
		return nil, "", err
	}
	most := w.arg(limit + 1) // one more than asked tells whether there is another page
	var rows []callRow
	err = d.x.SelectContext(ctx, &rows, `SELECT `+callColumns+` FROM call c WHERE `+w.String()+`
		ORDER BY c.happened_at DESC, c.call_sid DESC LIMIT `+most, w.args...)
	if err != nil {
		return nil, "", classify("list calls", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = cursorAt(rows[limit-1])
	}
	page, err = d.records(ctx, rows)
	return shownCalls(page), next, err
}

// conditions are the filter in SQL.
func conditions(orgID string, f schema.CallFilter) (w where, err error) {
	if orgID != "" {
		w.add("c.organization_id = ?::uuid", orgID)
	}
	if f.Direction != "" {
		w.add("c.direction = ?", f.Direction)
	}
	if f.Status != "" {
		w.add("c.status = ?::call_status", f.Status)
	}
	if f.Recorded != nil {
		w.add("(c.recording_url IS NOT NULL) = ?", *f.Recorded)
	}
	if !f.Since.IsZero() {
		w.add("c.happened_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		w.add("c.happened_at < ?", f.Until)
	}
	if f.Number != "" {
		w.add("(strpos(c.from_number, ?) > 0 OR strpos(c.to_number, ?) > 0)", f.Number)
	}
	if f.Text != "" {
		w.add(`EXISTS (SELECT FROM transcript t JOIN recording r USING (recording_sid)
			WHERE r.call_sid = c.call_sid AND r.account_sid = c.account_sid AND NOT r.quarantined AND t.search @@ websearch_to_tsquery('simple', ?))`, f.Text)
	}
	if f.Rule != "" {
		w.add("EXISTS (SELECT FROM recording_decision d WHERE d.call_sid = c.call_sid AND d.account_sid = c.account_sid AND d.rule = ?)", f.Rule)
	}
	if f.Transcribed != nil {
		w.add("(c.transcription IS NOT NULL) = ?", *f.Transcribed)
	}
	if f.Cursor != "" {
		at, callSID, err := readCursor(f.Cursor)
		if err != nil {
			return where{}, err
		}
		w.add("(c.happened_at, c.call_sid) < ("+w.arg(at)+", ?)", callSID)
	}
	return w, nil
}

// cursorAt names the place after the row: its time and, since calls may share
// one, its SID.
func cursorAt(r callRow) string {
	return r.HappenedAt.UTC().Format(time.RFC3339Nano) + cursorSeparator + r.CallSID
}

const cursorSeparator = "_"

func readCursor(cursor string) (at time.Time, callSID string, err error) {
	moment, callSID, found := strings.Cut(cursor, cursorSeparator)
	if at, err = time.Parse(time.RFC3339Nano, moment); err != nil || !found {
		return time.Time{}, "", badCursor(cursor)
	}
	return at, callSID, nil
}
