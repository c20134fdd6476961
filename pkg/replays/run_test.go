package replays_test

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // to end holds before their time

	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/schema"
)

// lapse ends the hold on a replay as time would.
func (s *stage) lapse(id string) {
	s.Helper()
	db := sqlx.MustOpen("postgres", s.url)
	defer db.Close()
	if _, err := db.ExecContext(s.Context(), `UPDATE replay SET held_until = now() - interval '1 second' WHERE id = $1`, id); err != nil {
		s.Fatal(err)
	}
}

// hold begins a replay of everything in the foreground.
func (s *stage) hold() replays.Held {
	s.Helper()
	r, token, err := s.db.CreateReplay(s.Context(), schema.ReplaySpec{Consumer: one.Name}, time.Hour)
	if err != nil {
		s.Fatal(err)
	}
	return replays.Held{Keeper: s.db, Replay: r, Token: token}
}

func TestAReplayInTheForegroundIsOnRecord(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	held := s.hold()
	ctx, stop := context.WithCancel(t.Context())
	p, state, err := held.Run(ctx, s.work(func(_ context.Context, seq uint64) error {
		if seq == 8 {
			stop()
			return ctx.Err()
		}
		return nil
	}))
	kept, readErr := s.db.Replay(t.Context(), held.Replay.ID)
	if state != schema.ReplayInterrupted || err == nil || readErr != nil || kept.State != state || kept.Progress.Cursor != p.Cursor {
		t.Fatalf("stopped: %s, %v; kept %+v, %v", state, err, kept, readErr)
	}
	held.Replay, held.Token, err = s.db.ResumeReplay(t.Context(), held.Replay.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p, state, err = held.Run(t.Context(), s.work(pass))
	if state != schema.ReplayDone || err != nil || p.Done != 20 {
		t.Errorf("resumed: %s, %+v, %v", state, p, err)
	}
}

// A person is there to decide whether to go on.
func TestAReplayInTheForegroundFailsForWhatIsAway(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	held := s.hold()
	_, state, err := held.Run(t.Context(), func(_ context.Context, r schema.Replay, _ func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
		return r.Progress, schema.Errorf(schema.Unavailable, "the broker is away")
	})
	kept, _ := s.db.Replay(t.Context(), held.Replay.ID)
	if state != schema.ReplayFailed || schema.CodeOf(err) != schema.Unavailable || kept.State != state || kept.Error != "the broker is away" {
		t.Errorf("%s, %v; kept %+v", state, err, kept)
	}
}
