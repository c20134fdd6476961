package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/loquent/callstream/schema"
)

// Retried returns the dead letter as which the durable's message is being tried
// again, and for the how manieth time; zero for a message that is not.
func (d *DB) Retried(ctx context.Context, durable string, seq uint64) (letter uint64, retries int, err error) {
	var row struct {
		Letter  int64 `db:"letter_seq"`
		Retries int   `db:"retries"`
	}
	err = d.x.GetContext(ctx, &row, `
		SELECT letter_seq, retries FROM dead_letter
		WHERE durable = $1 AND message_seq = $2 AND message_seq > 0 AND state = 'retrying'`, durable, int64(seq)) //nolint:gosec // stream sequences fit
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return uint64(row.Letter), row.Retries, classify("look for a retried dead letter", err) //nolint:gosec // never negative
}

// Resolve forgets a parked message that is over, as Unpark does, and with it
// marks the dead letter as which it was tried again: resolved, or with a failure
// failed again.
func (d *DB) Resolve(ctx context.Context, durable string, seq uint64, failure string) error {
	state := schema.LetterResolved
	if failure != "" {
		state = schema.LetterFailedAgain
	}
	_, err := d.x.ExecContext(ctx, `
		WITH unparked AS (DELETE FROM parked_message WHERE durable = $1 AND stream_seq = $2)
		UPDATE dead_letter SET state = $3, ended_at = clock_timestamp(), note = $4
		WHERE durable = $1 AND message_seq = $2 AND message_seq > 0 AND state = 'retrying'`,
		durable, int64(seq), string(state), storable(failure)) //nolint:gosec // stream sequences fit
	return classify("unpark message", err)
}
