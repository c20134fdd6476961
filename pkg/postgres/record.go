package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

type callRow struct {
	ID             int64      `db:"id"`
	CallSID        string     `db:"call_sid"`
	AccountSID     string     `db:"account_sid"`
	OrganizationID string     `db:"organization_id"`
	Parent         *string    `db:"parent_call_sid"`
	From           *string    `db:"from_number"`
	To             *string    `db:"to_number"`
	Direction      *string    `db:"direction"`
	Leg            *string    `db:"leg"`
	PhoneNumber    *string    `db:"phone_number"`
	Status         *string    `db:"status"`
	StartedAt      *time.Time `db:"started_at"`
	AnsweredAt     *time.Time `db:"answered_at"`
	EndedAt        *time.Time `db:"ended_at"`
	Duration       *int       `db:"duration"`
	TrunkSID       *string    `db:"trunk_sid"`
	Caller         *string    `db:"caller_name"`
	RecordingURL   *string    `db:"recording_url"`
	Transcription  *string    `db:"transcription"`
	CreatedAt      time.Time  `db:"created_at"`
	UpdatedAt      time.Time  `db:"updated_at"`
}

const callColumns = `c.id, c.call_sid, c.account_sid, c.organization_id, c.parent_call_sid, c.from_number, c.to_number, c.direction,
	c.leg, c.phone_number, c.status, c.started_at, c.answered_at, c.ended_at, c.duration, c.trunk_sid, c.caller_name,
	c.recording_url, c.transcription, c.created_at, c.updated_at`

func (r callRow) record() schema.CallRecord {
	return schema.CallRecord{
		CallFacts: schema.CallFacts{
			CallSID: r.CallSID, ParentCallSID: text(r.Parent), From: text(r.From), To: text(r.To), Leg: schema.Leg(text(r.Leg)),
			Status: schema.CallStatus(text(r.Status)), StartedAt: utc(r.StartedAt), AnsweredAt: utc(r.AnsweredAt), EndedAt: utc(r.EndedAt),
			Duration: r.Duration, TrunkSID: text(r.TrunkSID), Caller: text(r.Caller),
		},
		AccountSID: r.AccountSID, OrganizationID: r.OrganizationID, Direction: schema.Direction(text(r.Direction)),
		PhoneNumber: text(r.PhoneNumber), RecordingURL: text(r.RecordingURL), Transcription: text(r.Transcription),
		Recordings: []schema.RecordingRecord{}, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// records makes the whole of each row: decision, recordings, transcripts,
// receipts, with one query for each kind.
func (d *DB) records(ctx context.Context, rows []callRow) ([]schema.CallRecord, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	sids := make([]string, len(rows))
	for i, r := range rows {
		sids[i] = r.CallSID
	}
	decisions, err := d.decisions(ctx, sids)
	if err != nil {
		return nil, err
	}
	recordings, err := d.recordings(ctx, sids)
	if err != nil {
		return nil, err
	}
	records := make([]schema.CallRecord, len(rows))
	for i, r := range rows {
		records[i] = r.record()
		records[i].Decision = decisions[r.CallSID]
		if found := recordings[r.CallSID]; found != nil {
			records[i].Recordings = found
		}
	}
	return records, nil
}

// CallRecord returns what an organization may see of one of its calls; an
// empty organization is the operator. [schema.NotFound] when it has no such
// call.
func (d *DB) CallRecord(ctx context.Context, orgID, callSID string) (schema.CallRecord, error) {
	var row callRow
	err := d.x.GetContext(ctx, &row, `
		SELECT `+callColumns+` FROM call c WHERE c.call_sid = $1 AND ($2 = '' OR c.organization_id::text = $2)`, callSID, orgID)
	if err = classify("read call "+callSID, err); schema.CodeOf(err) == schema.NotFound {
		return schema.CallRecord{}, schema.Errorf(schema.NotFound, "call %s is not known", callSID)
	}
	if err != nil {
		return schema.CallRecord{}, err
	}
	records, err := d.records(ctx, []callRow{row})
	if err != nil {
		return schema.CallRecord{}, err
	}
	return shownCalls(records)[0], nil
}

// pageSize is the size of a page for who asks for none.
const pageSize = 50

// CallRecords returns a page of calls, newest first, and the cursor of the next
// page, empty on the last. An empty organization is the operator: all of them.
func (d *DB) CallRecords(ctx context.Context, orgID string, f schema.CallFilter) (page []schema.CallRecord, next string, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = pageSize
	}
	where, args, err := conditions(orgID, f)
	if err != nil {
		return nil, "", err
	}
	args = append(args, limit+1) // one more than asked tells whether there is another page
	var rows []callRow
	err = d.x.SelectContext(ctx, &rows, fmt.Sprintf(`SELECT %s FROM call c WHERE %s ORDER BY c.id DESC LIMIT $%d`, callColumns, where, len(args)), args...)
	if err != nil {
		return nil, "", classify("list calls", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = strconv.FormatInt(rows[limit-1].ID, 10)
	}
	page, err = d.records(ctx, rows)
	return shownCalls(page), next, err
}

// conditions are the filter in SQL. Nothing of the filter's own text gets into
// the statement.
func conditions(orgID string, f schema.CallFilter) (where string, args []any, err error) {
	all := []string{"true"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		all = append(all, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	if orgID != "" {
		add("c.organization_id = ?::uuid", orgID)
	}
	if f.Direction != "" {
		add("c.direction = ?", f.Direction)
	}
	if f.Status != "" {
		add("c.status = ?::call_status", f.Status)
	}
	if f.Recorded != nil {
		add("(c.recording_url IS NOT NULL) = ?", *f.Recorded)
	}
	if !f.Since.IsZero() {
		add("COALESCE(c.started_at, c.answered_at, c.ended_at, c.created_at) >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		add("COALESCE(c.started_at, c.answered_at, c.ended_at, c.created_at) < ?", f.Until)
	}
	if f.Number != "" {
		add("(strpos(c.from_number, ?) > 0 OR strpos(c.to_number, ?) > 0)", f.Number)
	}
	if f.Text != "" {
		add(`EXISTS (SELECT FROM transcript t JOIN recording r USING (recording_sid)
			WHERE r.call_sid = c.call_sid AND NOT r.quarantined AND t.search @@ websearch_to_tsquery('simple', ?))`, f.Text)
	}
	if f.Cursor != "" {
		id, err := strconv.ParseInt(f.Cursor, 10, 64)
		if err != nil {
			return "", nil, schema.Errorf(schema.Invalid, "cursor %q is not one that a page gave", f.Cursor)
		}
		add("c.id < ?", id)
	}
	return strings.Join(all, " AND "), args, nil
}

// shownCalls takes away what nobody may see.
func shownCalls(records []schema.CallRecord) []schema.CallRecord {
	for _, record := range records {
		for i, r := range record.Recordings {
			record.Recordings[i] = shown(r)
		}
	}
	return records
}

// AllCallRecords hands every call of every organization to fn, in the order of
// their SIDs; quarantine hides nothing here. fn's error ends it.
func (d *DB) AllCallRecords(ctx context.Context, fn func(schema.CallRecord) error) error {
	const batch = 500
	for after := ""; ; {
		var rows []callRow
		err := d.x.SelectContext(ctx, &rows, `
			SELECT `+callColumns+` FROM call c WHERE c.call_sid > $1 ORDER BY c.call_sid LIMIT $2`, after, batch)
		if err != nil {
			return classify("read calls", err)
		}
		records, err := d.records(ctx, rows)
		if err != nil {
			return err
		}
		for _, record := range records {
			if err := fn(record); err != nil {
				return err
			}
			after = record.CallSID
		}
		if len(rows) < batch {
			return nil
		}
	}
}

// Totals counts calls, archived recordings, transcripts and deletions.
func (d *DB) Totals(ctx context.Context) (t schema.Totals, err error) {
	var row struct {
		Calls, Archived, Transcripts, Deleted int
	}
	err = d.x.GetContext(ctx, &row, `SELECT
		(SELECT count(*) FROM call) AS calls,
		(SELECT count(*) FROM recording WHERE recording_url IS NOT NULL) AS archived,
		(SELECT count(*) FROM transcript) AS transcripts,
		(SELECT count(*) FROM deletion_receipt) AS deleted`)
	return schema.Totals(row), classify("count", err)
}
