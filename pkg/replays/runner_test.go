package replays_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// all is n for every event of the stage.
func (s *stage) all(n int) []int { return slices.Repeat([]int{n}, s.last) }

func TestQueuedReplaysAreRunByOneOfManyProcesses(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	var ids []string
	for range 6 {
		ids = append(ids, s.queue().ID)
	}
	for range 3 {
		s.start(replays.Runner{Work: s.work(pass)})
	}
	for _, id := range ids {
		if r := s.await(id, schema.ReplayDone); r.Progress.Done != 20 || r.EndedAt.IsZero() {
			t.Errorf("replay %+v", r)
		}
	}
	if got := s.handled(); !slices.Equal(got, s.all(6)) {
		t.Errorf("six replays ran the events %v times", got)
	}
}

// stall is a handler that holds the first event after the given, and says so.
func stall(after uint64) (handle func(context.Context, uint64) error, reached <-chan struct{}) {
	there := make(chan struct{}, 1)
	return func(ctx context.Context, seq uint64) error {
		if seq <= after {
			return nil
		}
		select {
		case there <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return ctx.Err()
	}, there
}

// reaches waits until the replay's kept progress is at the cursor.
func (s *stage) reaches(id string, cursor uint64) {
	s.Helper()
	streamtest.Await(s.T, "the checkpoint", func(ctx context.Context) bool {
		r, err := s.db.Replay(ctx, id)
		return err == nil && r.Progress.Cursor >= cursor
	})
}

func TestAProcessThatStopsHandsItsReplayOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	id := s.queue().ID
	handle, reached := stall(7)
	first := s.start(replays.Runner{Work: s.work(handle)})
	<-reached
	s.reaches(id, 7)
	first.end()
	if r := s.await(id, schema.ReplayInterrupted); r.Error != "" {
		t.Errorf("nothing went wrong, but %q", r.Error)
	}
	s.start(replays.Runner{Work: s.work(pass)})
	if r := s.await(id, schema.ReplayDone); r.Progress.Done != 20 {
		t.Errorf("replay %+v", r)
	}
	if got := s.handled(); !slices.Equal(got, s.all(1)) {
		t.Errorf("the events were handled %v times", got)
	}
}

// The first process loses its database as if its machine were gone, and can say
// nothing more. The second takes over once the hold has run out, and not before.
func TestAProcessThatVanishesLosesItsReplayToAnother(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	id := s.queue().ID
	own := postgrestest.Open(t, s.url)
	handle, reached := stall(7)
	first := s.start(replays.Runner{Store: own, Work: s.work(handle)})
	<-reached
	s.reaches(id, 7)
	if _, _, err := s.db.ClaimReplay(t.Context(), one.Name, time.Hour); schema.CodeOf(err) != schema.NotFound {
		t.Fatalf("a replay that is held was taken: %v", err)
	}
	own.Close()
	first.end()
	s.lapse(id)
	s.start(replays.Runner{Work: s.work(pass)})
	if r := s.await(id, schema.ReplayDone); r.Progress.Done != 20 {
		t.Errorf("replay %+v", r)
	}
	if got := s.handled(); !slices.Equal(got, s.all(1)) {
		t.Errorf("the events were handled %v times", got)
	}
}

func TestACancelledReplayStopsAndTheNextIsRun(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	id := s.queue().ID
	next := s.queue().ID
	handle, reached := stall(7)
	var stalled atomic.Bool
	s.start(replays.Runner{Work: s.work(func(ctx context.Context, seq uint64) error {
		if stalled.Load() {
			return nil
		}
		return handle(ctx, seq)
	})})
	<-reached
	s.reaches(id, 7)
	stalled.Store(true)
	if err := s.db.CancelReplay(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := s.await(next, schema.ReplayDone); r.Progress.Done != 20 {
		t.Errorf("the next: %+v", r)
	}
	if r := s.await(id, schema.ReplayCancelled); r.Progress.Done != 7 {
		t.Errorf("cancelled: %+v", r)
	}
}

func TestAProcessWhoseReplayWasTakenOverLeavesItAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t, 20)
	id := s.queue().ID
	handle, reached := stall(7)
	over := make(chan struct{})
	work := s.work(handle)
	s.start(replays.Runner{Work: func(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
		defer close(over)
		return work(ctx, r, checkpoint)
	}, Hold: time.Hour})
	<-reached
	s.lapse(id) // while it checks its progress in: whoever is quicker holds it
	var token string
	streamtest.Await(t, "another to take it", func(ctx context.Context) bool {
		s.lapse(id)
		_, claimed, err := s.db.ClaimReplay(ctx, one.Name, time.Hour)
		token = claimed
		return err == nil
	})
	<-over
	if r := s.await(id, schema.ReplayRunning); r.Error != "" {
		t.Errorf("replay %+v", r)
	}
	if err := s.db.SaveReplayProgress(t.Context(), id, token, schema.ReplayProgress{Cursor: 9}, time.Hour); err != nil {
		t.Errorf("who took it over cannot go on: %v", err)
	}
}

// What is away comes back; what is wrong stays so and is not tried again.
func TestWhatEndsAQueuedReplay(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	away, wrong := s.queue().ID, s.queue().ID
	var tries atomic.Int32
	work := s.work(pass)
	s.start(replays.Runner{Work: func(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
		switch {
		case r.ID == wrong:
			return r.Progress, schema.Errorf(schema.Invalid, "there is no such subject")
		case tries.Add(1) < 20:
			return r.Progress, schema.Errorf(schema.Unavailable, "the broker is away")
		}
		return work(ctx, r, checkpoint)
	}})
	s.await(away, schema.ReplayDone)
	if r := s.await(wrong, schema.ReplayFailed); !strings.Contains(r.Error, "no such subject") {
		t.Errorf("replay %+v", r)
	}
	if tries.Load() != 20 {
		t.Errorf("taken up %d times", tries.Load())
	}
}
