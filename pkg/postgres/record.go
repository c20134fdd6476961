package postgres

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

type callRow struct {
	CallSID        string             `db:"call_sid"`
	AccountSID     string             `db:"account_sid"`
	OrganizationID string             `db:"organization_id"`
	Parent         *string            `db:"parent_call_sid"`
	From           *string            `db:"from_number"`
	To             *string            `db:"to_number"`
	Direction      *schema.Direction  `db:"direction"`
	Leg            *schema.Leg        `db:"leg"`
	PhoneNumber    *string            `db:"phone_number"`
	Status         *schema.CallStatus `db:"status"`
	StartedAt      *time.Time         `db:"started_at"`
	AnsweredAt     *time.Time         `db:"answered_at"`
	EndedAt        *time.Time         `db:"ended_at"`
	Duration       *int               `db:"duration"`
	TrunkSID       *string            `db:"trunk_sid"`
	Caller         *string            `db:"caller_name"`
	RecordingURL   *string            `db:"recording_url"`
	Transcription  *string            `db:"transcription"`
	HappenedAt     time.Time          `db:"happened_at"`
	CreatedAt      time.Time          `db:"created_at"`
	UpdatedAt      time.Time          `db:"updated_at"`
}

const callColumns = `c.call_sid, c.account_sid, c.organization_id, c.parent_call_sid, c.from_number, c.to_number, c.direction,
	c.leg, c.phone_number, c.status, c.started_at, c.answered_at, c.ended_at, c.duration, c.trunk_sid, c.caller_name,
	c.recording_url, c.transcription, c.happened_at, c.created_at, c.updated_at`

func (r callRow) record() schema.CallRecord {
	return schema.CallRecord{
		CallFacts: schema.CallFacts{
			CallSID: r.CallSID, ParentCallSID: value(r.Parent), From: value(r.From), To: value(r.To), Leg: value(r.Leg),
			Status: value(r.Status), StartedAt: utc(r.StartedAt), AnsweredAt: utc(r.AnsweredAt), EndedAt: utc(r.EndedAt),
			Duration: r.Duration, TrunkSID: value(r.TrunkSID), Caller: value(r.Caller),
		},
		AccountSID: r.AccountSID, OrganizationID: r.OrganizationID, Direction: value(r.Direction),
		PhoneNumber: value(r.PhoneNumber), RecordingURL: value(r.RecordingURL), Transcription: value(r.Transcription),
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
		key := callKey{r.CallSID, r.AccountSID}
		records[i].Decision = decisions[key]
		if found := recordings[key]; found != nil {
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
