package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/loquent/callstream/schema"
)

// Replay returns a replay; [schema.NotFound] when there is none.
func (d *DB) Replay(ctx context.Context, id string) (schema.Replay, error) {
	var row replayRow
	if err := d.x.GetContext(ctx, &row, `SELECT `+replayColumns+` FROM replay WHERE id::text = $1`, id); err != nil {
		return schema.Replay{}, noReplay(id, err)
	}
	return row.replay()
}

// Replays returns the latest replays, newest first. A limit of zero is 50.
func (d *DB) Replays(ctx context.Context, limit int) ([]schema.Replay, error) {
	if limit <= 0 {
		limit = pageSize
	}
	var rows []replayRow
	err := d.x.SelectContext(ctx, &rows, `SELECT `+replayColumns+` FROM replay ORDER BY started_at DESC LIMIT $1`, limit)
	if err != nil {
		return nil, classify("list replays", err)
	}
	return replaysOf(rows)
}

func replaysOf(rows []replayRow) (list []schema.Replay, err error) {
	list = make([]schema.Replay, len(rows))
	for i, row := range rows {
		if list[i], err = row.replay(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// EventSequences returns where the events about a call and a recording lie in
// CALLS, as far as consumers have finished them; an empty SID selects all.
func (d *DB) EventSequences(ctx context.Context, callSID, recordingSID string) ([]uint64, error) {
	var w where
	if callSID != "" {
		w.add("call_sid = ?", callSID)
	}
	if recordingSID != "" {
		w.add("recording_sid = ?", recordingSID)
	}
	var found []int64
	err := d.x.SelectContext(ctx, &found, `
		SELECT DISTINCT stream_seq FROM call_event WHERE stream_seq > 0 AND `+w.String()+` ORDER BY stream_seq`, w.args...)
	if err != nil {
		return nil, classify("look for events", err)
	}
	seqs := make([]uint64, len(found))
	for i, seq := range found {
		seqs[i] = uint64(seq) //nolint:gosec // never negative
	}
	return seqs, nil
}

// lockReplay reads a replay that nobody else changes until tx ends.
func lockReplay(ctx context.Context, tx *sqlx.Tx, id string) (schema.Replay, error) {
	var row replayRow
	if err := tx.GetContext(ctx, &row, `SELECT `+replayColumns+` FROM replay WHERE id::text = $1 FOR UPDATE`, id); err != nil {
		return schema.Replay{}, noReplay(id, err)
	}
	return row.replay()
}

func noReplay(id string, err error) error {
	if err = classify("read replay "+id, err); schema.CodeOf(err) == schema.NotFound {
		return schema.Errorf(schema.NotFound, "there is no replay %s", id)
	}
	return err
}

// A running replay that nobody holds any more is one whose process vanished.
const replayColumns = `id, spec, progress, error, actor, started_at, updated_at, ended_at,
	CASE WHEN state = 'running' AND held_until < clock_timestamp() THEN 'interrupted' ELSE state END AS state`

type replayRow struct {
	ID        string     `db:"id"`
	Spec      []byte     `db:"spec"`
	State     string     `db:"state"`
	Progress  []byte     `db:"progress"`
	Error     string     `db:"error"`
	Actor     string     `db:"actor"`
	StartedAt time.Time  `db:"started_at"`
	UpdatedAt time.Time  `db:"updated_at"`
	EndedAt   *time.Time `db:"ended_at"`
}

func (row replayRow) replay() (schema.Replay, error) {
	r := schema.Replay{
		ID: row.ID, State: schema.ReplayState(row.State), Error: row.Error, Actor: schema.Actor(row.Actor),
		StartedAt: row.StartedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), EndedAt: value(utc(row.EndedAt)),
	}
	if err := json.Unmarshal(row.Spec, &r.Spec); err != nil {
		return r, schema.Errorf(schema.Corrupt, "read the spec of replay %s: %w", row.ID, err)
	}
	if err := json.Unmarshal(row.Progress, &r.Progress); err != nil {
		return r, schema.Errorf(schema.Corrupt, "read the progress of replay %s: %w", row.ID, err)
	}
	return r, nil
}
