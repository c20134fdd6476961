package postgres

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

type recordingRow struct {
	RecordingSID   string     `db:"recording_sid"`
	CallSID        string     `db:"call_sid"`
	AccountSID     string     `db:"account_sid"`
	OrganizationID string     `db:"organization_id"`
	Status         string     `db:"status"`
	Source         *string    `db:"source"`
	Track          *string    `db:"track"`
	Channels       *int       `db:"channels"`
	Duration       *int       `db:"duration"`
	StartedAt      *time.Time `db:"started_at"`
	ErrorCode      *int       `db:"error_code"`
	Own            bool       `db:"own"`
	Quarantined    bool       `db:"quarantined"`
	URL            *string    `db:"recording_url"`
	Key            *string    `db:"object_key"`
	Size           *int64     `db:"object_size"`
	SHA256         *string    `db:"object_sha256"`
	ArchivedAt     *time.Time `db:"archived_at"`
}

// recordingQuery reads recordings; a recording is callstream's own when the
// decision on its call names it.
const recordingQuery = `
	SELECT r.recording_sid, r.call_sid, r.account_sid, r.organization_id, r.status, r.source, r.track, r.channels, r.duration,
		r.started_at, r.error_code, r.quarantined, r.recording_url, r.object_key, r.object_size, r.object_sha256, r.archived_at,
		EXISTS (SELECT FROM recording_decision d WHERE d.call_sid = r.call_sid AND d.recording_sid = r.recording_sid
			AND d.outcome = 'started') AS own
	FROM recording r `

func (r recordingRow) record() schema.RecordingRecord {
	record := schema.RecordingRecord{
		RecordingFacts: schema.RecordingFacts{
			RecordingSID: r.RecordingSID, CallSID: r.CallSID, Status: schema.RecordingStatus(r.Status), Source: text(r.Source),
			Track: text(r.Track), Channels: number(r.Channels), Duration: r.Duration, StartedAt: utc(r.StartedAt), ErrorCode: number(r.ErrorCode),
		},
		AccountSID: r.AccountSID, OrganizationID: r.OrganizationID, Own: r.Own, Quarantined: r.Quarantined, ArchivedAt: utc(r.ArchivedAt),
	}
	if r.URL != nil && r.Size != nil {
		record.Object = &schema.Object{URL: *r.URL, Key: text(r.Key), Size: *r.Size, SHA256: text(r.SHA256)}
	}
	return record
}

// Recording returns all that is known of a recording, for the pipeline:
// quarantine hides nothing here. [schema.NotFound] when there is none.
func (d *DB) Recording(ctx context.Context, recordingSID string) (schema.RecordingRecord, error) {
	var row recordingRow
	if err := d.x.GetContext(ctx, &row, recordingQuery+`WHERE r.recording_sid = $1`, recordingSID); err != nil {
		return schema.RecordingRecord{}, classify("read recording "+recordingSID, err)
	}
	records := []schema.RecordingRecord{row.record()}
	err := d.complete(ctx, records)
	return records[0], err
}

// RecordingRecord returns what an organization may see of one of its
// recordings; an empty organization is the operator.
func (d *DB) RecordingRecord(ctx context.Context, orgID, recordingSID string) (schema.RecordingRecord, error) {
	record, err := d.Recording(ctx, recordingSID)
	if err != nil {
		return schema.RecordingRecord{}, err
	}
	if orgID != "" && record.OrganizationID != orgID {
		return schema.RecordingRecord{}, schema.Errorf(schema.NotFound, "recording %s is not known", recordingSID)
	}
	return shown(record), nil
}

// shown takes away what nobody may see or hear of a recording in quarantine.
func shown(r schema.RecordingRecord) schema.RecordingRecord {
	if r.Quarantined {
		r.Object, r.Transcript = nil, nil
	}
	return r
}

// SaveRecording stores what Twilio says of a recording. Known facts stay, a
// final status is not taken back but by a deletion, and quarantine is for good.
func (d *DB) SaveRecording(ctx context.Context, accountSID, orgID string, f schema.RecordingFacts, quarantined bool) error {
	_, err := d.x.ExecContext(ctx, `
		INSERT INTO recording AS r (recording_sid, call_sid, account_sid, organization_id, status, source, track, channels, duration,
			started_at, error_code, quarantined)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (recording_sid) DO UPDATE SET
			status = CASE WHEN EXCLUDED.status = 'deleted' THEN EXCLUDED.status
				WHEN r.status IN ('completed', 'absent', 'failed', 'deleted') THEN r.status ELSE EXCLUDED.status END,
			source = COALESCE(EXCLUDED.source, r.source), track = COALESCE(EXCLUDED.track, r.track),
			channels = COALESCE(EXCLUDED.channels, r.channels), duration = COALESCE(EXCLUDED.duration, r.duration),
			started_at = COALESCE(EXCLUDED.started_at, r.started_at), error_code = COALESCE(EXCLUDED.error_code, r.error_code),
			quarantined = r.quarantined OR EXCLUDED.quarantined, updated_at = now()`,
		f.RecordingSID, f.CallSID, accountSID, orgID, f.Status, known(f.Source), known(f.Track), knownInt(f.Channels), f.Duration,
		f.StartedAt, knownInt(f.ErrorCode), quarantined)
	return classify("save recording "+f.RecordingSID, err)
}

// MarkArchived sets recording_url, of the recording and of its call: the proof
// of the copy must come before. A call's is its first recording's; one in
// quarantine is on no call.
func (d *DB) MarkArchived(ctx context.Context, recordingSID string, o schema.Object) error {
	return d.transact(ctx, "mark "+recordingSID+" as archived", func(tx *sqlx.Tx) error {
		call, err := lockCall(ctx, tx, recordingSID)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE recording SET recording_url = $2, object_key = $3, object_size = $4, object_sha256 = $5,
				archived_at = COALESCE(archived_at, now()), updated_at = now()
			WHERE recording_sid = $1`, recordingSID, o.URL, o.Key, o.Size, o.SHA256)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE call SET updated_at = now(), recording_url = (
				SELECT recording_url FROM recording
				WHERE call_sid = $1 AND recording_url IS NOT NULL AND NOT quarantined
				ORDER BY started_at NULLS LAST, recording_sid LIMIT 1)
			WHERE call_sid = $1`, call)
		return err
	})
}

// lockCall locks the row of the recording's call, so that two recordings of one
// call see each other, and returns its SID.
func lockCall(ctx context.Context, tx *sqlx.Tx, recordingSID string) (callSID string, err error) {
	if err := tx.GetContext(ctx, &callSID, `SELECT call_sid FROM recording WHERE recording_sid = $1`, recordingSID); err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `SELECT FROM call WHERE call_sid = $1 FOR UPDATE`, callSID)
	return callSID, err
}

// recordings returns the recordings of the calls, complete, by call SID.
func (d *DB) recordings(ctx context.Context, sids []string) (map[string][]schema.RecordingRecord, error) {
	var rows []recordingRow
	err := d.x.SelectContext(ctx, &rows, recordingQuery+`WHERE r.call_sid = ANY($1) ORDER BY r.started_at NULLS LAST, r.recording_sid`, pq.Array(sids))
	if err != nil {
		return nil, classify("read recordings", err)
	}
	records := make([]schema.RecordingRecord, len(rows))
	for i, r := range rows {
		records[i] = r.record()
	}
	if err := d.complete(ctx, records); err != nil {
		return nil, err
	}
	byCall := map[string][]schema.RecordingRecord{}
	for _, r := range records {
		byCall[r.CallSID] = append(byCall[r.CallSID], r)
	}
	return byCall, nil
}

// complete adds transcripts and receipts.
func (d *DB) complete(ctx context.Context, records []schema.RecordingRecord) error {
	if len(records) == 0 {
		return nil
	}
	sids := make([]string, len(records))
	for i, r := range records {
		sids[i] = r.RecordingSID
	}
	transcripts, err := d.transcripts(ctx, sids)
	if err != nil {
		return err
	}
	receipts, err := d.receipts(ctx, sids)
	if err != nil {
		return err
	}
	for i := range records {
		records[i].Transcript = transcripts[records[i].RecordingSID]
		records[i].Receipt = receipts[records[i].RecordingSID]
	}
	return nil
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func knownInt(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
