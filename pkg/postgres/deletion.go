package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// SaveDeletion stores the receipt of a deletion at Twilio; the first one
// stands.
func (d *DB) SaveDeletion(ctx context.Context, r schema.DeletionReceipt) error {
	_, err := d.x.ExecContext(ctx, `
		INSERT INTO deletion_receipt (recording_sid, call_sid, already_gone, object_url, object_key, object_size, object_sha256, deleted_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (recording_sid) DO NOTHING`,
		r.RecordingSID, r.CallSID, r.AlreadyGone, r.Object.URL, r.Object.Key, r.Object.Size, r.Object.SHA256, r.DeletedAt)
	return classify("save the receipt of "+r.RecordingSID, err)
}

// receipts returns the receipts of the recordings, by recording SID.
func (d *DB) receipts(ctx context.Context, sids []string) (map[string]*schema.DeletionReceipt, error) {
	var rows []struct {
		RecordingSID string    `db:"recording_sid"`
		CallSID      string    `db:"call_sid"`
		AlreadyGone  bool      `db:"already_gone"`
		URL          string    `db:"object_url"`
		Key          string    `db:"object_key"`
		Size         int64     `db:"object_size"`
		SHA256       string    `db:"object_sha256"`
		DeletedAt    time.Time `db:"deleted_at"`
	}
	err := d.x.SelectContext(ctx, &rows, `
		SELECT recording_sid, call_sid, already_gone, object_url, object_key, object_size, object_sha256, deleted_at
		FROM deletion_receipt WHERE recording_sid = ANY($1)`, pq.Array(sids))
	if err != nil {
		return nil, classify("read receipts", err)
	}
	byRecording := make(map[string]*schema.DeletionReceipt, len(rows))
	for _, r := range rows {
		byRecording[r.RecordingSID] = &schema.DeletionReceipt{
			RecordingSID: r.RecordingSID, CallSID: r.CallSID, AlreadyGone: r.AlreadyGone, DeletedAt: r.DeletedAt.UTC(),
			Object: schema.Object{URL: r.URL, Key: r.Key, Size: r.Size, SHA256: r.SHA256},
		}
	}
	return byRecording, nil
}
