package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/loquent/callstream/schema"
)

// SaveReplayProgress keeps how far the replay is and renews the hold. The error
// is [schema.Conflict] when it has to stop: it wraps
// [schema.ErrReplayCancelled], or somebody else has taken the replay over.
func (d *DB) SaveReplayProgress(ctx context.Context, id, token string, p schema.ReplayProgress, ttl time.Duration) error {
	return d.saveReplay(ctx, id, token, p, `
		lost = CASE WHEN progress -> 'cursor' = $3::jsonb -> 'cursor' THEN lost ELSE 0 END,
		held_until = clock_timestamp() + $4 * interval '1 microsecond'
		WHERE id = $1 AND token = $2 AND state = 'running'`, ttl.Microseconds())
}

// EndReplay keeps the progress and how the replay ended, with the reason where
// it failed. One that was cancelled meanwhile stays so. The error is
// [schema.Conflict] when somebody else has taken it over.
func (d *DB) EndReplay(ctx context.Context, id, token string, p schema.ReplayProgress, state schema.ReplayState, reason string) error {
	return d.saveReplay(ctx, id, token, p, `
		ended_at = COALESCE(ended_at, clock_timestamp()), error = $5,
		lost = 0, state = CASE state WHEN 'running' THEN $4 ELSE state END
		WHERE id = $1 AND token = $2`, string(state), storable(reason))
}

func (d *DB) saveReplay(ctx context.Context, id, token string, p schema.ReplayProgress, rest string, args ...any) error {
	p.Error = storable(p.Error)
	input, err := json.Marshal(p)
	if err != nil {
		return schema.Errorf(schema.Invalid, "encode progress: %w", err)
	}
	result, err := d.x.ExecContext(ctx, `UPDATE replay SET updated_at = clock_timestamp(), progress = $3, `+rest,
		append([]any{id, token, string(input)}, args...)...)
	if err != nil {
		return classify("save replay "+id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return classify("save replay "+id, err)
	}
	return d.whyNotSaved(ctx, id)
}

func (d *DB) whyNotSaved(ctx context.Context, id string) error {
	r, err := d.Replay(ctx, id)
	switch {
	case err != nil:
		return err
	case r.State == schema.ReplayCancelled:
		return schema.Errorf(schema.Conflict, "replay %s: %w", id, schema.ErrReplayCancelled)
	}
	return schema.Errorf(schema.Conflict, "replay %s was taken over by another process", id)
}
