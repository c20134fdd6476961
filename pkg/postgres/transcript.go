package postgres

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

// SaveTranscript stores a recording's transcript in place of an earlier one,
// and sets its call's text, which is the first recording's that has one; one in
// quarantine does not count.
func (d *DB) SaveTranscript(ctx context.Context, recordingSID string, t schema.Transcript) error {
	segments, err := encodeSegments(t.Segments)
	if err != nil {
		return err
	}
	return d.transact(ctx, "save the transcript of "+recordingSID, func(tx *sqlx.Tx) error {
		call, err := lockCallOf(ctx, tx, recordingSID)
		if err != nil {
			return err
		}
		for _, statement := range []struct {
			query string
			args  []any
		}{
			{`DELETE FROM transcript WHERE recording_sid = $1`, []any{recordingSID}}, // and its segments with it
			{`INSERT INTO transcript (recording_sid, text, language, model, duration) VALUES ($1, $2, $3, $4, $5)`,
				[]any{recordingSID, storable(t.Text), known(storable(t.Language)), storable(t.Model), t.Duration}},
			{`INSERT INTO transcript_segment (recording_sid, position, started, ended, text, channel)
				SELECT $1, s.position, (s.segment->>'start')::float8, (s.segment->>'end')::float8, s.segment->>'text',
					COALESCE((s.segment->>'channel')::smallint, 0)
				FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS s (segment, position)`,
				[]any{recordingSID, segments}},
		} {
			if _, err := tx.ExecContext(ctx, statement.query, statement.args...); err != nil {
				return err
			}
		}
		return summarize(ctx, tx, call)
	})
}

// encodeSegments is [encode] for segments.
func encodeSegments(segments []schema.Segment) (string, error) {
	list := make([]schema.Segment, len(segments))
	for i, s := range segments {
		list[i] = s
		list[i].Text = storable(s.Text)
	}
	return encode("segments", list)
}

// transcripts returns the transcripts of the recordings, by recording SID.
func (d *DB) transcripts(ctx context.Context, sids []string) (map[string]*schema.Transcript, error) {
	var rows []struct {
		RecordingSID string  `db:"recording_sid"`
		Text         string  `db:"text"`
		Language     *string `db:"language"`
		Model        string  `db:"model"`
		Duration     float64 `db:"duration"`
	}
	err := d.x.SelectContext(ctx, &rows, `
		SELECT recording_sid, text, language, model, duration FROM transcript WHERE recording_sid = ANY($1)`, pq.Array(sids))
	if err != nil {
		return nil, classify("read transcripts", err)
	}
	byRecording := make(map[string]*schema.Transcript, len(rows))
	for _, r := range rows {
		byRecording[r.RecordingSID] = &schema.Transcript{
			Text: r.Text, Language: value(r.Language), Model: r.Model, Duration: r.Duration, Segments: []schema.Segment{},
		}
	}
	var segments []struct {
		RecordingSID string  `db:"recording_sid"`
		Start        float64 `db:"started"`
		End          float64 `db:"ended"`
		Text         string  `db:"text"`
		Channel      int     `db:"channel"`
	}
	err = d.x.SelectContext(ctx, &segments, `
		SELECT recording_sid, started, ended, text, channel FROM transcript_segment
		WHERE recording_sid = ANY($1) ORDER BY recording_sid, position`, pq.Array(sids))
	if err != nil {
		return nil, classify("read segments", err)
	}
	for _, s := range segments {
		if t := byRecording[s.RecordingSID]; t != nil {
			t.Segments = append(t.Segments, schema.Segment{Start: s.Start, End: s.End, Text: s.Text, Channel: s.Channel})
		}
	}
	return byRecording, nil
}
