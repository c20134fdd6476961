package postgres

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// letterKey names a dead letter in the tables.
type letterKey struct {
	ID    int64  `json:"letter_seq"`
	MsgID string `json:"msg_id"`
}

func letterKeyOf(l schema.DeadLetter) letterKey {
	return letterKey{int64(l.ID), storable(l.MsgID)} //nolint:gosec // stream sequences fit
}

// RetryLetter marks the dead letter as retrying. With park it also gives its
// message back to the durable, as if it had never been tried: the next redrive
// runs it. Both come about or neither. The error is [schema.Conflict] for a
// letter that is over, or whose message is being tried again already.
func (d *DB) RetryLetter(ctx context.Context, l schema.DeadLetter, park bool) error {
	key := letterKeyOf(l)
	return d.transact(ctx, "retry dead letter", func(tx *sqlx.Tx) error {
		if err := retryable(ctx, tx, l); err != nil {
			return err
		}
		message := int64(0)
		if park {
			message = int64(l.Sequence) //nolint:gosec // stream sequences fit
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO dead_letter AS d (letter_seq, msg_id, durable, message_seq, state, retries, retried_at, actor)
			VALUES ($1, $2, $3, $4, 'retrying', 1, clock_timestamp(), $5)
			ON CONFLICT (letter_seq, msg_id) DO UPDATE SET state = 'retrying', message_seq = EXCLUDED.message_seq,
				retries = d.retries + 1, retried_at = EXCLUDED.retried_at, ended_at = NULL, actor = EXCLUDED.actor, note = ''`,
			key.ID, key.MsgID, l.Consumer, message, storable(string(schema.ActorOf(ctx)))); err != nil {
			return letterConflict(l, err)
		}
		if park {
			if err := revive(ctx, tx, l.Consumer, message); err != nil {
				return err
			}
		}
		return auditLetter(ctx, tx, letterEntry("deadletter.retry", l))
	})
}

// retryable returns a [schema.Conflict] error for a letter in a state from which
// no retry leads on.
func retryable(ctx context.Context, tx *sqlx.Tx, l schema.DeadLetter) error {
	state, waits, err := lockLetter(ctx, tx, l)
	switch {
	case err != nil:
		return err
	case state == schema.LetterResolved:
		return schema.Errorf(schema.Conflict, "dead letter %d is resolved", l.ID)
	case state == schema.LetterFailedAgain:
		return schema.Errorf(schema.Conflict, "dead letter %d was tried again and failed again; retry the later letter that tells of it", l.ID)
	case state == schema.LetterRetrying && waits:
		return schema.Errorf(schema.Conflict, "dead letter %d is being tried again already", l.ID)
	}
	return nil
}

// lockLetter returns the letter's state, and whether its message waits in the
// parking for a retry that goes on.
func lockLetter(ctx context.Context, tx *sqlx.Tx, l schema.DeadLetter) (state schema.LetterState, waits bool, err error) {
	var rows []struct {
		State string `db:"state"`
		Waits bool   `db:"waits"`
	}
	key := letterKeyOf(l)
	err = tx.SelectContext(ctx, &rows, `
		SELECT state, EXISTS (SELECT FROM parked_message p WHERE p.durable = d.durable AND p.stream_seq = d.message_seq) AS waits
		FROM dead_letter d WHERE letter_seq = $1 AND msg_id = $2 FOR UPDATE`, key.ID, key.MsgID)
	if err != nil || len(rows) == 0 {
		return schema.LetterOpen, false, err
	}
	return schema.LetterState(rows[0].State), rows[0].Waits, nil
}

// revive forgets the attempts at a message and parks it, due at once.
func revive(ctx context.Context, tx *sqlx.Tx, durable string, seq int64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM delivery_attempt WHERE durable = $1 AND stream_seq = $2`, durable, seq); err != nil {
		return err
	}
	// What is parked already is in somebody's hands or will be.
	_, err := tx.ExecContext(ctx, `
		INSERT INTO parked_message (durable, stream_seq, next_attempt_at, reason) VALUES ($1, $2, now(), '')
		ON CONFLICT (durable, stream_seq) DO NOTHING`, durable, seq)
	return err
}

// letterConflict tells of another letter about the same message that is being
// tried again.
func letterConflict(l schema.DeadLetter, err error) error {
	if err = classify("mark dead letter", err); schema.CodeOf(err) == schema.Conflict {
		return schema.Errorf(schema.Conflict, "message %d of %s is being tried again already, for another dead letter", l.Sequence, l.Consumer)
	}
	return err
}

// CloseLetter says how a dead letter ended that no runner ends: resolved, open
// again after its bytes were judged in vain, or removed, with the reason. A
// message that waits for its retry is taken out of the parking; work on it that
// has begun goes on. The error is [schema.Conflict] for the removal of a letter
// that is resolved.
func (d *DB) CloseLetter(ctx context.Context, l schema.DeadLetter, state schema.LetterState, note string) error {
	note = storable(note)
	key := letterKeyOf(l)
	return d.transact(ctx, "close dead letter", func(tx *sqlx.Tx) error {
		before, _, err := lockLetter(ctx, tx, l)
		switch {
		case err != nil:
			return err
		case before == state && state != schema.LetterOpen:
			return nil
		case before == schema.LetterResolved && state == schema.LetterRemoved:
			return schema.Errorf(schema.Conflict, "dead letter %d is resolved; there is nothing to remove", l.ID)
		}
		if before == schema.LetterRetrying {
			if _, err := tx.ExecContext(ctx, `
				DELETE FROM parked_message p USING dead_letter d WHERE d.letter_seq = $1 AND d.msg_id = $2 AND d.message_seq > 0
					AND p.durable = d.durable AND p.stream_seq = d.message_seq`, key.ID, key.MsgID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO dead_letter (letter_seq, msg_id, durable, message_seq, state, ended_at, actor, note)
			VALUES ($1, $2, $3, $4, $5, CASE WHEN $5 <> 'open' THEN clock_timestamp() END, $6, $7)
			ON CONFLICT (letter_seq, msg_id) DO UPDATE SET state = EXCLUDED.state, ended_at = EXCLUDED.ended_at, actor = EXCLUDED.actor, note = EXCLUDED.note`,
			key.ID, key.MsgID, l.Consumer, int64(l.Sequence), string(state), storable(string(schema.ActorOf(ctx))), note); err != nil { //nolint:gosec // stream sequences fit
			return err
		}
		if state != schema.LetterRemoved {
			return nil // the retry's own entry is there
		}
		entry := letterEntry("deadletter.remove", l)
		entry.Detail["reason"] = note
		return auditLetter(ctx, tx, entry)
	})
}

func letterEntry(action string, l schema.DeadLetter) schema.AuditEntry {
	return schema.AuditEntry{OrganizationID: l.Org, Action: action, Target: storable(l.MsgID), Detail: map[string]any{
		"dead_letter": l.ID, "consumer": storable(l.Consumer), "sequence": l.Sequence,
	}}
}

// auditLetter writes down what somebody did with a dead letter, for the
// organization whose message it was. A letter outlives its organization, and
// one from ingress may claim any: what nobody owns is the operators'.
func auditLetter(ctx context.Context, tx *sqlx.Tx, e schema.AuditEntry) error {
	var owner []string
	err := tx.SelectContext(ctx, &owner, `SELECT id FROM organization WHERE id::text = $1`, storable(strings.ToLower(e.OrganizationID)))
	if err != nil {
		return err
	}
	return insertAudit(ctx, tx, strings.Join(owner, ""), e)
}
