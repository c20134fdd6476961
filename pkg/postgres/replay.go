package postgres

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// CreateReplay writes a new replay down as running, held by whoever has the
// token for ttl: [DB.SaveReplayProgress] renews the hold, and a replay whose
// hold has run out counts as interrupted.
func (d *DB) CreateReplay(ctx context.Context, spec schema.ReplaySpec, ttl time.Duration) (r schema.Replay, token string, err error) {
	if err := spec.Check(); err != nil {
		return schema.Replay{}, "", err
	}
	input, err := json.Marshal(spec)
	if err != nil {
		return schema.Replay{}, "", schema.Errorf(schema.Invalid, "encode replay: %w", err)
	}
	token = rand.Text()
	err = d.transact(ctx, "create replay", func(tx *sqlx.Tx) error {
		var row replayRow
		err := tx.GetContext(ctx, &row, `
			INSERT INTO replay (spec, actor, token, held_until)
			VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 microsecond') RETURNING `+replayColumns,
			string(input), storable(string(schema.ActorOf(ctx))), token, ttl.Microseconds())
		if err != nil {
			return err
		}
		if r, err = row.replay(); err != nil {
			return err
		}
		return auditReplay(ctx, tx, "replay.start", r)
	})
	if err != nil {
		return schema.Replay{}, "", err
	}
	return r, token, nil
}

// ResumeReplay takes over an interrupted or failed replay for ttl, and returns
// it with the token. [schema.NotFound] when there is none, [schema.Conflict]
// while somebody runs it and when it is done or cancelled.
func (d *DB) ResumeReplay(ctx context.Context, id string, ttl time.Duration) (r schema.Replay, token string, err error) {
	token = rand.Text()
	err = d.transact(ctx, "resume replay "+id, func(tx *sqlx.Tx) error {
		held, err := lockReplay(ctx, tx, id)
		if err != nil {
			return err
		}
		if held.State != schema.ReplayInterrupted && held.State != schema.ReplayFailed {
			return schema.Errorf(schema.Conflict, "replay %s is %s and cannot be resumed", id, held.State)
		}
		var row replayRow
		err = tx.GetContext(ctx, &row, `
			UPDATE replay SET state = 'running', token = $2, error = '', ended_at = NULL, updated_at = clock_timestamp(),
				held_until = clock_timestamp() + $3 * interval '1 microsecond'
			WHERE id = $1 RETURNING `+replayColumns, id, token, ttl.Microseconds())
		if err != nil {
			return err
		}
		if r, err = row.replay(); err != nil {
			return err
		}
		return auditReplay(ctx, tx, "replay.resume", r)
	})
	if err != nil {
		return schema.Replay{}, "", err
	}
	return r, token, nil
}

// CancelReplay ends a replay for good: whoever runs it stops at the next
// checkpoint. [schema.NotFound] when there is none, [schema.Conflict] when it is
// done; one that is cancelled already stays so.
func (d *DB) CancelReplay(ctx context.Context, id string) error {
	return d.transact(ctx, "cancel replay "+id, func(tx *sqlx.Tx) error {
		r, err := lockReplay(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.State == schema.ReplayCancelled:
			return nil
		case r.State == schema.ReplayDone:
			return schema.Errorf(schema.Conflict, "replay %s is done", id)
		}
		if _, err := tx.ExecContext(ctx, `
			UPDATE replay SET state = 'cancelled', ended_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = $1`, id); err != nil {
			return err
		}
		return auditReplay(ctx, tx, "replay.cancel", r)
	})
}

// auditReplay writes down what somebody did with a replay, for the organization
// that it is restricted to, or for the operators.
func auditReplay(ctx context.Context, tx *sqlx.Tx, action string, r schema.Replay) error {
	return insertAudit(ctx, tx, r.Spec.Organization, schema.AuditEntry{Action: action, Target: r.ID, Detail: map[string]any{"spec": r.Spec}})
}
