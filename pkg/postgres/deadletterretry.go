package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"
)

// Retried returns the dead letter as which the durable's message is being tried
// again, zero for a message that is not.
func (d *DB) Retried(ctx context.Context, durable string, seq uint64) (letter uint64, err error) {
	var found int64
	err = d.x.GetContext(ctx, &found, `
		SELECT letter_seq FROM dead_letter
		WHERE durable = $1 AND message_seq = $2 AND message_seq > 0 AND state = 'retrying'`, durable, int64(seq)) //nolint:gosec // stream sequences fit
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return uint64(found), classify("look for a retried dead letter", err) //nolint:gosec // never negative
}

// Resolve forgets a parked message that is done, as Unpark does, and with it
// marks the dead letter as which it was tried again as resolved.
func (d *DB) Resolve(ctx context.Context, durable string, seq uint64) error {
	return d.transact(ctx, "resolve dead letter", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE dead_letter SET state = 'resolved', ended_at = clock_timestamp(), note = ''
			WHERE durable = $1 AND message_seq = $2 AND message_seq > 0 AND state = 'retrying'`, durable, int64(seq)) //nolint:gosec // stream sequences fit
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM parked_message WHERE durable = $1 AND stream_seq = $2`, durable, int64(seq)) //nolint:gosec // stream sequences fit
		return err
	})
}

// FailAgain forgets a parked message that was given up, and with it marks the
// dead letter as which it was tried again, zero for none, as failed again. A
// retry of another letter, begun since the message died, stays parked.
func (d *DB) FailAgain(ctx context.Context, durable string, seq, letter uint64, failure string) error {
	return d.transact(ctx, "fail dead letter again", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE dead_letter SET state = 'failed_again', ended_at = clock_timestamp(), note = $4
			WHERE durable = $1 AND message_seq = $2 AND letter_seq = $3 AND state = 'retrying'`,
			durable, int64(seq), int64(letter), storable(failure)) //nolint:gosec // stream sequences fit
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM parked_message p WHERE durable = $1 AND stream_seq = $2 AND NOT EXISTS (
				SELECT FROM dead_letter d WHERE d.durable = p.durable AND d.message_seq = p.stream_seq AND d.state = 'retrying')`,
			durable, int64(seq)) //nolint:gosec // stream sequences fit
		return err
	})
}
