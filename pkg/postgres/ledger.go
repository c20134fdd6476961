package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/lib/pq"
)

// Attempt counts one more attempt at each message of the durable and returns
// the totals, this one included. The count is on disk when it returns: a message
// that takes process and database down with it must have been counted.
func (d *DB) Attempt(ctx context.Context, durable string, seqs []uint64) (map[uint64]int, error) {
	var rows []struct {
		Sequence int64 `db:"stream_seq"`
		Attempts int   `db:"attempts"`
	}
	err := d.x.SelectContext(ctx, &rows, `
		INSERT INTO delivery_attempt AS a (durable, stream_seq, attempts)
		SELECT $1, seq, 1 FROM unnest($2::bigint[]) AS seq
		ON CONFLICT (durable, stream_seq) DO UPDATE SET attempts = a.attempts + 1, updated_at = now()
		RETURNING stream_seq, attempts`, durable, sequences(seqs))
	if err != nil {
		return nil, classify("count attempts", err)
	}
	counts := make(map[uint64]int, len(rows))
	for _, r := range rows {
		counts[uint64(r.Sequence)] = r.Attempts //nolint:gosec // never negative
	}
	return counts, nil
}

// lazily is a condition that always holds, and has the statement that looks at
// it return before its commit is on disk. It is for what does no harm if a crash
// of the database undoes it.
const lazily = `set_config('synchronous_commit', 'off', true) = 'off'`

// Settle forgets the attempts at messages that are over. A crash of the database
// may bring the counts back; nobody asks for them any more.
func (d *DB) Settle(ctx context.Context, durable string, seqs []uint64) error {
	_, err := d.x.ExecContext(ctx, `DELETE FROM delivery_attempt WHERE durable = $1 AND stream_seq = ANY($2) AND `+lazily, durable, sequences(seqs))
	return classify("settle attempts", err)
}

// Excuse takes back the latest attempt at each message: it came to nothing that
// was the message's fault. Earlier ones still count.
func (d *DB) Excuse(ctx context.Context, durable string, seqs []uint64) error {
	_, err := d.x.ExecContext(ctx, `
		WITH excused AS (
			UPDATE delivery_attempt SET attempts = attempts - 1, updated_at = now()
			WHERE durable = $1 AND stream_seq = ANY($2) AND attempts > 1)
		DELETE FROM delivery_attempt WHERE durable = $1 AND stream_seq = ANY($2) AND attempts <= 1`, durable, sequences(seqs))
	return classify("excuse attempts", err)
}

// Park keeps a message until the given time.
func (d *DB) Park(ctx context.Context, durable string, seq uint64, until time.Time, reason string) error {
	_, err := d.x.ExecContext(ctx, `
		INSERT INTO parked_message (durable, stream_seq, next_attempt_at, reason) VALUES ($1, $2, $3, $4)
		ON CONFLICT (durable, stream_seq) DO UPDATE SET next_attempt_at = EXCLUDED.next_attempt_at, reason = EXCLUDED.reason`,
		durable, int64(seq), until, storable(reason)) //nolint:gosec // stream sequences fit
	return classify("park message", err)
}

// Due returns up to limit parked messages whose time has come, those that waited
// longest, in the stream's order, and holds them back from other callers: a worker that dies with one gives it
// back when the hold is over.
func (d *DB) Due(ctx context.Context, durable string, limit int, hold time.Duration) ([]uint64, error) {
	var found []int64
	err := d.x.SelectContext(ctx, &found, `
		WITH due AS MATERIALIZED (
			SELECT stream_seq FROM parked_message WHERE durable = $1 AND next_attempt_at <= now()
			ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		UPDATE parked_message p SET next_attempt_at = now() + $3 * interval '1 microsecond'
		FROM due
		WHERE p.durable = $1 AND p.stream_seq = due.stream_seq
		RETURNING p.stream_seq`, durable, limit, hold.Microseconds())
	if err != nil {
		return nil, classify("look for due messages", err)
	}
	due := make([]uint64, len(found))
	for i, seq := range found {
		due[i] = uint64(seq) //nolint:gosec // never negative
	}
	slices.Sort(due)
	return due, nil
}

// Unpark forgets a parked message.
func (d *DB) Unpark(ctx context.Context, durable string, seq uint64) error {
	_, err := d.x.ExecContext(ctx, `DELETE FROM parked_message WHERE durable = $1 AND stream_seq = $2`, durable, int64(seq)) //nolint:gosec // stream sequences fit
	return classify("unpark message", err)
}

// Parked returns how many messages wait for the durable.
func (d *DB) Parked(ctx context.Context, durable string) (n int, err error) {
	err = d.x.GetContext(ctx, &n, `SELECT count(*) FROM parked_message WHERE durable = $1`, durable)
	return n, classify("count parked messages", err)
}

func sequences(seqs []uint64) pq.Int64Array {
	list := make(pq.Int64Array, len(seqs))
	for i, seq := range seqs {
		list[i] = int64(seq) //nolint:gosec // stream sequences fit
	}
	slices.Sort(list) // rows are taken in one order
	return slices.Compact(list)
}
