package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/loquent/callstream/schema"
)

// LetterStatuses returns what became of the dead letters, by their ids. Those
// that nobody has touched are open.
func (d *DB) LetterStatuses(ctx context.Context, letters []schema.DeadLetter) (map[uint64]schema.LetterStatus, error) {
	keys := make([]letterKey, len(letters))
	found := make(map[uint64]schema.LetterStatus, len(letters))
	for i, l := range letters {
		keys[i] = letterKeyOf(l)
		found[l.ID] = schema.LetterStatus{State: schema.LetterOpen}
	}
	input, err := json.Marshal(keys)
	if err != nil {
		return nil, schema.Errorf(schema.Invalid, "encode dead letters: %w", err)
	}
	var rows []letterRow
	err = d.x.SelectContext(ctx, &rows, `
		SELECT l.letter_seq, l.state, l.retries, l.retried_at, l.ended_at, l.actor, l.note, a.attempts, p.next_attempt_at, p.reason
		FROM jsonb_to_recordset($1::jsonb) AS k (letter_seq bigint, msg_id text)
		JOIN dead_letter l USING (letter_seq, msg_id)
		LEFT JOIN delivery_attempt a ON l.state = 'retrying' AND a.durable = l.durable AND a.stream_seq = l.message_seq
		LEFT JOIN parked_message p ON l.state = 'retrying' AND p.durable = l.durable AND p.stream_seq = l.message_seq`, string(input))
	if err != nil {
		return nil, classify("read the states of dead letters", err)
	}
	for _, row := range rows {
		found[uint64(row.ID)] = row.status() //nolint:gosec // never negative
	}
	return found, nil
}

type letterRow struct {
	ID          int64      `db:"letter_seq"`
	State       string     `db:"state"`
	Retries     int        `db:"retries"`
	RetriedAt   *time.Time `db:"retried_at"`
	EndedAt     *time.Time `db:"ended_at"`
	Actor       string     `db:"actor"`
	Note        string     `db:"note"`
	Attempts    *int       `db:"attempts"`
	NextAttempt *time.Time `db:"next_attempt_at"`
	Waiting     *string    `db:"reason"`
}

func (r letterRow) status() schema.LetterStatus {
	s := schema.LetterStatus{
		State: schema.LetterState(r.State), Retries: r.Retries, RetriedAt: value(utc(r.RetriedAt)), EndedAt: value(utc(r.EndedAt)),
		Actor: schema.Actor(r.Actor), Note: r.Note, Attempts: value(r.Attempts), NextAttempt: value(utc(r.NextAttempt)),
	}
	if waiting := value(r.Waiting); waiting != "" {
		s.Note = waiting
	}
	return s
}

// ClosedLetters returns how many dead letters from the given sequence of
// DEADLETTERS on need nobody any more: they are resolved, removed, or told of by
// a later one. Marks from before the stream was made are of one that was lost,
// and do not count.
func (d *DB) ClosedLetters(ctx context.Context, made time.Time, first uint64) (n uint64, err error) {
	err = d.x.GetContext(ctx, &n, `
		SELECT count(*) FROM dead_letter
		WHERE letter_seq >= $1 AND ended_at >= $2 AND state IN ('resolved', 'removed', 'failed_again')`, int64(first), made) //nolint:gosec // stream sequences fit
	return n, classify("count dead letters", err)
}
