package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// replayLosses is how many processes in a row may vanish over a replay without
// bringing it on: it would go on to stop those that do the live work, too.
const replayLosses = 5

// QueueReplay writes a new replay down for whichever process runs its consumer
// to take up with [DB.ClaimReplay].
func (d *DB) QueueReplay(ctx context.Context, spec schema.ReplaySpec) (r schema.Replay, err error) {
	if err := spec.Check(); err != nil {
		return schema.Replay{}, err
	}
	input, err := json.Marshal(spec)
	if err != nil {
		return schema.Replay{}, schema.Errorf(schema.Invalid, "encode replay: %w", err)
	}
	err = d.transact(ctx, "queue replay", func(tx *sqlx.Tx) error {
		var row replayRow
		err := tx.GetContext(ctx, &row, `
			INSERT INTO replay (spec, state, unattended, actor, token, held_until)
			VALUES ($1, 'queued', true, $2, '', clock_timestamp()) RETURNING `+replayColumns,
			string(input), storable(string(schema.ActorOf(ctx))))
		if err != nil {
			return err
		}
		if r, err = row.replay(); err != nil {
			return err
		}
		return auditReplay(ctx, tx, "replay.start", r)
	})
	return r, err
}

// RequeueReplay queues an interrupted or failed replay again: whichever process
// runs its consumer goes on with it where it stopped. [schema.NotFound] when
// there is none, [schema.Conflict] when it waits or runs already, is done or was
// cancelled.
func (d *DB) RequeueReplay(ctx context.Context, id string) (r schema.Replay, err error) {
	err = d.transact(ctx, "queue replay "+id+" again", func(tx *sqlx.Tx) error {
		held, err := lockReplay(ctx, tx, id)
		if err != nil {
			return err
		}
		if held.State != schema.ReplayInterrupted && held.State != schema.ReplayFailed {
			return schema.Errorf(schema.Conflict, "replay %s is %s; only one that was interrupted or has failed goes on again", id, held.State)
		}
		var row replayRow
		err = tx.GetContext(ctx, &row, `
			UPDATE replay SET state = 'queued', unattended = true, token = '', error = '', lost = 0, ended_at = NULL,
				updated_at = clock_timestamp()
			WHERE id = $1 RETURNING `+replayColumns, id)
		if err != nil {
			return err
		}
		if r, err = row.replay(); err != nil {
			return err
		}
		return auditReplay(ctx, tx, "replay.resume", r)
	})
	if err != nil {
		return schema.Replay{}, err
	}
	return r, nil
}

// ClaimReplay takes the oldest queued replay of the consumer for ttl, or one
// that was queued once and whose process was interrupted or has vanished, and
// returns it with the token by which it is held, as [DB.CreateReplay] does.
// [schema.NotFound] when none waits. What processes vanish over again and again
// is failed instead. Nobody acts in a claim, so that the audit log has none.
func (d *DB) ClaimReplay(ctx context.Context, consumer string, ttl time.Duration) (r schema.Replay, token string, err error) {
	token = rand.Text()
	found := false
	err = d.transact(ctx, "claim replay", func(tx *sqlx.Tx) error {
		found = false
		if err := failLost(ctx, tx, consumer); err != nil {
			return err
		}
		var row replayRow
		err := tx.GetContext(ctx, &row, `
			UPDATE replay SET state = 'running', token = $2, error = '', ended_at = NULL, lost = lost + 1, updated_at = clock_timestamp(),
				held_until = clock_timestamp() + $3 * interval '1 microsecond'
			WHERE id = (
				SELECT id FROM replay WHERE `+waitingReplay+`
				ORDER BY started_at LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING `+replayColumns, consumer, token, ttl.Microseconds())
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		r, err = row.replay()
		return err
	})
	if err == nil && !found {
		err = schema.Errorf(schema.NotFound, "no replay of %s waits", consumer)
	}
	if err != nil {
		return schema.Replay{}, "", err
	}
	return r, token, nil
}

// waitingReplay is what a process may take up, of the consumer $1.
const waitingReplay = `unattended AND spec ->> 'consumer' = $1
	AND (state IN ('queued', 'interrupted') OR state = 'running' AND held_until < clock_timestamp())`

// failLost ends the replays that no process survives.
func failLost(ctx context.Context, tx *sqlx.Tx, consumer string) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE replay SET state = 'failed', error = $3, lost = 0, ended_at = clock_timestamp(), updated_at = clock_timestamp()
		WHERE id IN (SELECT id FROM replay WHERE `+waitingReplay+` AND lost >= $2 FOR UPDATE SKIP LOCKED)`,
		consumer, replayLosses, fmt.Sprintf("%d processes in a row ended without a word at the same place of it", replayLosses))
	return err
}

// FindReplays returns a page of the replays that the filter selects, newest
// first, and the cursor of the next page, empty on the last. The error is
// [schema.Invalid] for a cursor that no page gave.
func (d *DB) FindReplays(ctx context.Context, f schema.ReplayFilter) (page []schema.Replay, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = pageSize
	}
	var w where
	if f.Organization != "" {
		w.add("spec ->> 'organization' = ?", f.Organization)
	}
	if f.Cursor != "" {
		at, id, err := readCursor(f.Cursor)
		if err != nil {
			return nil, "", err
		}
		w.add("(started_at, id::text) < ("+w.arg(at)+", ?)", id)
	}
	most := w.arg(f.Limit + 1)
	var rows []replayRow
	err = d.x.SelectContext(ctx, &rows, `SELECT `+replayColumns+` FROM replay WHERE `+w.String()+`
		ORDER BY started_at DESC, id::text DESC LIMIT `+most, w.args...)
	if err != nil {
		return nil, "", classify("list replays", err)
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		last := rows[f.Limit-1]
		next = last.StartedAt.UTC().Format(time.RFC3339Nano) + cursorSeparator + last.ID
	}
	page, err = replaysOf(rows)
	return page, next, err
}
