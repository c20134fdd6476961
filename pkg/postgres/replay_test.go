package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

var _ stream.SequenceIndex = (*world)(nil)

// reindex is a replay as the tests start it.
var reindex = schema.ReplaySpec{
	Consumer: "calls", Since: noon, ToSeq: 99, Rate: 2.5, Force: true, AllowSideEffects: []string{schema.SideEffectEvents},
}

func TestAReplayIsKeptFromStartToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := schema.WithActor(t.Context(), "cli:ann@host")
	started, token, err := w.CreateReplay(ctx, reindex, time.Hour)
	must(t, err)
	if diff := cmp.Diff(reindex, started.Spec); diff != "" || started.State != schema.ReplayRunning || started.Actor != "cli:ann@host" {
		t.Errorf("started %+v\n%s", started, diff)
	}
	p := schema.ReplayProgress{Cursor: 7, End: 99, Total: 50, Done: 5, Skipped: 1, Failed: 1, Withheld: 2, Error: "no \x00 such call"}
	must(t, w.SaveReplayProgress(t.Context(), started.ID, token, p, time.Hour))
	p.Error = "no \uFFFD such call"
	running, err := w.Replay(t.Context(), started.ID)
	must(t, err)
	if diff := cmp.Diff(p, running.Progress); diff != "" || running.State != schema.ReplayRunning {
		t.Errorf("running %+v\n%s", running, diff)
	}
	p.Cursor = 99
	must(t, w.EndReplay(t.Context(), started.ID, token, p, schema.ReplayDone, ""))
	_, _, err = w.CreateReplay(t.Context(), schema.ReplaySpec{Consumer: "messages"}, time.Hour)
	must(t, err)
	all, err := w.Replays(t.Context(), 0)
	must(t, err)
	if len(all) != 2 || all[0].Spec.Consumer != "messages" || all[1].State != schema.ReplayDone || all[1].Progress.Cursor != 99 || all[1].EndedAt.IsZero() {
		t.Errorf("replays %+v", all)
	}
	_, _, err = w.ResumeReplay(t.Context(), started.ID, time.Hour)
	wantCode(t, err, schema.Conflict)
	wantCode(t, w.CancelReplay(t.Context(), started.ID), schema.Conflict)
}

func TestAReplayThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"7b1f4a5e-27a3-4d9c-9a3c-0f3e2d1c0b0a", "nonsense", ""} {
		_, err := w.Replay(t.Context(), id)
		wantCode(t, err, schema.NotFound)
		_, _, err = w.ResumeReplay(t.Context(), id, time.Hour)
		wantCode(t, err, schema.NotFound)
		wantCode(t, w.CancelReplay(t.Context(), id), schema.NotFound)
	}
	_, _, err := w.CreateReplay(t.Context(), schema.ReplaySpec{Consumer: "recorder"}, time.Hour)
	wantCode(t, err, schema.Forbidden)
}

func TestAnInterruptedReplayIsResumedWhereItStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, interrupt := range map[string]func(id, token string, p schema.ReplayProgress){
		"it was stopped": func(id, token string, p schema.ReplayProgress) {
			must(t, w.EndReplay(t.Context(), id, token, p, schema.ReplayInterrupted, ""))
		},
		"it failed": func(id, token string, p schema.ReplayProgress) {
			must(t, w.EndReplay(t.Context(), id, token, p, schema.ReplayFailed, "the stream is gone"))
		},
		"its process vanished": func(id, token string, p schema.ReplayProgress) {
			must(t, w.SaveReplayProgress(t.Context(), id, token, p, -time.Second))
		},
	} {
		started, token, err := w.CreateReplay(t.Context(), reindex, time.Hour)
		must(t, err)
		_, _, err = w.ResumeReplay(t.Context(), started.ID, time.Hour)
		wantCode(t, err, schema.Conflict) // it runs
		p := schema.ReplayProgress{Cursor: 7, End: 99, Done: 7}
		interrupt(started.ID, token, p)
		if r, err := w.Replay(t.Context(), started.ID); err != nil || r.State == schema.ReplayRunning {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		resumed, second, err := w.ResumeReplay(t.Context(), started.ID, time.Hour)
		must(t, err)
		if diff := cmp.Diff(p, resumed.Progress); diff != "" || resumed.State != schema.ReplayRunning || resumed.Error != "" || !resumed.EndedAt.IsZero() {
			t.Errorf("%s: resumed %+v\n%s", name, resumed, diff)
		}
		// Who ran it before may still be there.
		wantCode(t, w.SaveReplayProgress(t.Context(), started.ID, token, p, time.Hour), schema.Conflict)
		wantCode(t, w.EndReplay(t.Context(), started.ID, token, p, schema.ReplayDone, ""), schema.Conflict)
		must(t, w.SaveReplayProgress(t.Context(), started.ID, second, p, time.Hour))
	}
}

func TestAReplayIsResumedByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started, _, err := w.CreateReplay(t.Context(), reindex, -time.Second)
	must(t, err)
	won := make(chan string, 8)
	var processes sync.WaitGroup
	for range cap(won) {
		processes.Go(func() {
			if _, token, err := w.ResumeReplay(t.Context(), started.ID, time.Hour); err == nil {
				won <- token
			}
		})
	}
	processes.Wait()
	if len(won) != 1 {
		t.Errorf("%d processes run the replay", len(won))
	}
}

func TestACancelledReplayLearnsOfItAtItsCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := schema.WithActor(t.Context(), "key:console")
	started, token, err := w.CreateReplay(ctx, reindex, time.Hour)
	must(t, err)
	must(t, w.CancelReplay(ctx, started.ID))
	must(t, w.CancelReplay(ctx, started.ID)) // again
	p := schema.ReplayProgress{Cursor: 7, End: 99, Done: 7}
	err = w.SaveReplayProgress(t.Context(), started.ID, token, p, time.Hour)
	if wantCode(t, err, schema.Conflict); !errors.Is(err, schema.ErrReplayCancelled) {
		t.Errorf("got %v", err)
	}
	must(t, w.EndReplay(t.Context(), started.ID, token, p, schema.ReplayInterrupted, ""))
	r, err := w.Replay(t.Context(), started.ID)
	must(t, err)
	if r.State != schema.ReplayCancelled || r.Progress.Done != 7 {
		t.Errorf("replay %+v", r)
	}
	_, _, err = w.ResumeReplay(t.Context(), started.ID, time.Hour)
	wantCode(t, err, schema.Conflict)
	entries, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{})
	must(t, err)
	var told []string
	for _, e := range entries {
		if e.Target == started.ID && e.Actor == "key:console" {
			told = append(told, e.Action)
		}
	}
	if diff := cmp.Diff([]string{"replay.cancel", "replay.start"}, told); diff != "" {
		t.Errorf("audit log:\n%s", diff)
	}
}

func TestTheEventsOfACallAndOfARecordingAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entry := func(call, recording int, kind string, seq uint64) schema.TimelineEntry {
		e := schema.TimelineEntry{CallSID: callSID(call), MsgID: kind, Kind: kind, Origin: schema.OriginCallback, OccurredAt: noon, StoredAt: noon, Sequence: seq}
		if recording > 0 {
			e.RecordingSID = recordingSID(recording)
		}
		return e
	}
	must(t, w.AddTimeline(t.Context(),
		entry(1, 0, "call.answered", 5), entry(1, 0, "decision", 5), entry(1, 1, "recording.processed", 9), entry(1, 2, "recording.archived", 8),
		entry(2, 0, "call.answered", 6), entry(2, 3, "imported", 0)))
	for name, tc := range map[string]struct {
		call, recording string
		want            []uint64
	}{
		"call":      {call: callSID(1), want: []uint64{5, 8, 9}},
		"recording": {recording: recordingSID(1), want: []uint64{9}},
		"both":      {call: callSID(2), recording: recordingSID(1), want: []uint64{}},
		"not there": {recording: recordingSID(3), want: []uint64{}},
	} {
		got, err := w.EventSequences(t.Context(), tc.call, tc.recording)
		must(t, err)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
