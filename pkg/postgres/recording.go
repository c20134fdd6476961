package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

type recordingRow struct {
	RecordingSID   string                 `db:"recording_sid"`
	CallSID        string                 `db:"call_sid"`
	AccountSID     string                 `db:"account_sid"`
	OrganizationID string                 `db:"organization_id"`
	Status         schema.RecordingStatus `db:"status"`
	Source         *string                `db:"source"`
	Track          *string                `db:"track"`
	Channels       *int                   `db:"channels"`
	Duration       *int                   `db:"duration"`
	StartedAt      *time.Time             `db:"started_at"`
	ErrorCode      *int                   `db:"error_code"`
	Own            bool                   `db:"own"`
	Quarantined    bool                   `db:"quarantined"`
	URL            *string                `db:"recording_url"`
	Key            *string                `db:"object_key"`
	Size           *int64                 `db:"object_size"`
	SHA256         *string                `db:"object_sha256"`
	ArchivedAt     *time.Time             `db:"archived_at"`
}

// recordingQuery reads recordings; a recording is callstream's own when the
// decision on its call names it, or when that is that our TwiML records the call
// and TwiML made it.
const recordingQuery = `
	SELECT r.recording_sid, r.call_sid, r.account_sid, r.organization_id, r.status, r.source, r.track, r.channels, r.duration,
		r.started_at, r.error_code, r.quarantined, r.recording_url, r.object_key, r.object_size, r.object_sha256, r.archived_at,
		EXISTS (SELECT FROM recording_decision d WHERE d.call_sid = r.call_sid AND d.account_sid = r.account_sid
			AND d.outcome = 'started' AND (d.recording_sid = r.recording_sid
				OR (d.rule = 'twiml' AND r.source IN ('DialVerb', 'RecordVerb')))) AS own
	FROM recording r `

func (r recordingRow) record() schema.RecordingRecord {
	record := schema.RecordingRecord{
		RecordingFacts: schema.RecordingFacts{
			RecordingSID: r.RecordingSID, CallSID: r.CallSID, Status: r.Status, Source: value(r.Source),
			Track: value(r.Track), Channels: value(r.Channels), Duration: r.Duration, StartedAt: utc(r.StartedAt), ErrorCode: value(r.ErrorCode),
		},
		AccountSID: r.AccountSID, OrganizationID: r.OrganizationID, Own: r.Own, Quarantined: r.Quarantined, ArchivedAt: utc(r.ArchivedAt),
	}
	if r.URL != nil && r.Size != nil {
		record.Object = &schema.Object{URL: *r.URL, Key: value(r.Key), Size: *r.Size, SHA256: value(r.SHA256)}
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

// shown takes away what nobody may see or hear of a recording in quarantine:
// where its copy lies, in the receipt too, and what was said.
func shown(r schema.RecordingRecord) schema.RecordingRecord {
	if !r.Quarantined {
		return r
	}
	r.Object, r.Transcript = nil, nil
	if r.Receipt != nil {
		receipt := *r.Receipt
		receipt.Object = schema.Object{}
		r.Receipt = &receipt
	}
	return r
}

// SaveRecording merges what Twilio says of a recording into its row, in any
// order. Known facts stay, a copy that is proven stays completed, and
// quarantine is for good. What the call shows of its recordings follows. [schema.Conflict] when the recording is another account's.
func (d *DB) SaveRecording(ctx context.Context, accountSID, orgID string, f schema.RecordingFacts, quarantined bool) error {
	return d.transact(ctx, "save recording "+f.RecordingSID, func(tx *sqlx.Tx) error {
		if _, err := lockCallOf(ctx, tx, f.RecordingSID); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		call, err := upsertRecording(ctx, tx, accountSID, orgID, f, quarantined)
		if err != nil {
			return err
		}
		return summarize(ctx, tx, call)
	})
}

// upsertRecording returns the call of the recording: the one it was first told
// with.
func upsertRecording(ctx context.Context, tx *sqlx.Tx, accountSID, orgID string, f schema.RecordingFacts, quarantined bool) (callSID string, err error) {
	status, ok := schema.ParseRecordingStatus(string(f.Status))
	if !ok { // a word that this version does not know must not lose the recording
		status = schema.RecordingInProgress
	}
	err = tx.GetContext(ctx, &callSID, `
		INSERT INTO recording AS r (recording_sid, call_sid, account_sid, organization_id, status, source, track, channels, duration,
			started_at, error_code, quarantined)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (recording_sid) DO UPDATE SET
			status      = CASE WHEN r.recording_url IS NULL THEN GREATEST(r.status, EXCLUDED.status) ELSE r.status END,
			source      = GREATEST(r.source, EXCLUDED.source),
			track       = GREATEST(r.track, EXCLUDED.track),
			channels    = GREATEST(r.channels, EXCLUDED.channels),
			duration    = GREATEST(r.duration, EXCLUDED.duration),
			started_at  = LEAST(r.started_at, EXCLUDED.started_at),
			error_code  = GREATEST(r.error_code, EXCLUDED.error_code),
			quarantined = r.quarantined OR EXCLUDED.quarantined,
			updated_at  = now()
		WHERE r.account_sid = EXCLUDED.account_sid
		RETURNING call_sid`,
		f.RecordingSID, f.CallSID, accountSID, orgID, status, known(storable(f.Source)), known(storable(f.Track)), known(f.Channels),
		f.Duration, f.StartedAt, known(f.ErrorCode), quarantined)
	if errors.Is(err, sql.ErrNoRows) {
		return "", schema.Errorf(schema.Conflict, "it is another account's than %s", accountSID)
	}
	return callSID, err
}

// MarkArchived sets recording_url, of the recording and of its call: the proof
// of the copy must come before. The first one stands, since others have relied
// on it. [schema.NotFound] when the recording, or its call, has no row: a marker
// that no call shows would be lost.
func (d *DB) MarkArchived(ctx context.Context, recordingSID string, o schema.Object) error {
	return d.transact(ctx, "mark "+recordingSID+" as archived", func(tx *sqlx.Tx) error {
		call, err := lockCallOf(ctx, tx, recordingSID)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE recording SET status = 'completed', recording_url = $2, object_key = $3, object_size = $4, object_sha256 = $5,
				archived_at = now(), updated_at = now()
			WHERE recording_sid = $1 AND recording_url IS NULL`, recordingSID, o.URL, o.Key, o.Size, o.SHA256)
		if err != nil {
			return err
		}
		return summarize(ctx, tx, call)
	})
}

// Rearchive makes o the copy of a recording that is archived, in place of the
// one before, and its URL the call's, at once: nobody sees the recording without
// a copy. The proof of o must come before. What is the copy already changes
// nothing. [schema.NotFound] when the recording, or its call, has no row;
// [schema.Conflict] when it is not archived.
func (d *DB) Rearchive(ctx context.Context, recordingSID string, o schema.Object) error {
	return d.transact(ctx, "archive "+recordingSID+" again", func(tx *sqlx.Tx) error {
		call, err := lockCallOf(ctx, tx, recordingSID)
		if err != nil {
			return err
		}
		var archived bool
		err = tx.GetContext(ctx, &archived, `
			WITH changed AS (
				UPDATE recording SET recording_url = $2, object_key = $3, object_size = $4, object_sha256 = $5, archived_at = now(), updated_at = now()
				WHERE recording_sid = $1 AND recording_url IS NOT NULL
					AND (recording_url, object_key, object_size, object_sha256) IS DISTINCT FROM ($2, $3, $4, $5))
			SELECT recording_url IS NOT NULL FROM recording WHERE recording_sid = $1`, recordingSID, o.URL, o.Key, o.Size, o.SHA256)
		if err != nil {
			return err
		}
		if !archived {
			return schema.Errorf(schema.Conflict, "it has no copy yet")
		}
		return summarize(ctx, tx, call)
	})
}

// lockCallOf locks the row of the recording's call, so that two recordings of
// one call see each other, and returns its SID.
func lockCallOf(ctx context.Context, tx *sqlx.Tx, recordingSID string) (callSID string, err error) {
	err = tx.GetContext(ctx, &callSID, `
		SELECT c.call_sid FROM recording r JOIN call c ON c.call_sid = r.call_sid AND c.account_sid = r.account_sid
		WHERE r.recording_sid = $1 FOR UPDATE OF c`, recordingSID)
	return callSID, err
}

// summarize sets what the call's own row shows of its recordings: the URL of
// the first one that has a copy, and the text of the first one that has a
// transcript. Those in quarantine do not count.
func summarize(ctx context.Context, tx *sqlx.Tx, callSID string) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE call c SET updated_at = now(), recording_url = first.url, transcription = first.text
		FROM (SELECT k.call_sid, (
				SELECT r.recording_url FROM recording r
				WHERE r.call_sid = k.call_sid AND r.account_sid = k.account_sid AND NOT r.quarantined AND r.recording_url IS NOT NULL
				ORDER BY r.started_at NULLS LAST, r.recording_sid LIMIT 1) AS url, (
				SELECT t.text FROM recording r JOIN transcript t USING (recording_sid)
				WHERE r.call_sid = k.call_sid AND r.account_sid = k.account_sid AND NOT r.quarantined
				ORDER BY r.started_at NULLS LAST, r.recording_sid LIMIT 1) AS text
			FROM call k WHERE k.call_sid = $1) first
		WHERE c.call_sid = first.call_sid AND (c.recording_url, c.transcription) IS DISTINCT FROM (first.url, first.text)`, callSID)
	return err
}

// recordings returns the recordings of the calls, complete, the first one first.
func (d *DB) recordings(ctx context.Context, sids []string) (map[callKey][]schema.RecordingRecord, error) {
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
	byCall := map[callKey][]schema.RecordingRecord{}
	for _, r := range records {
		key := callKey{r.CallSID, r.AccountSID}
		byCall[key] = append(byCall[key], r)
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
