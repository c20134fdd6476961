package postgres_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestAQueuedReplayIsTakenUpByOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queued, err := w.QueueReplay(schema.WithActor(t.Context(), "key:ann"), reindex)
	must(t, err)
	if diff := cmp.Diff(reindex, queued.Spec); diff != "" || queued.State != schema.ReplayQueued || queued.Actor != "key:ann" {
		t.Errorf("queued %+v\n%s", queued, diff)
	}
	_, _, err = w.ResumeReplay(t.Context(), queued.ID, time.Hour)
	wantCode(t, err, schema.Conflict) // it has not begun
	_, _, err = w.ClaimReplay(t.Context(), "archiver", time.Hour)
	wantCode(t, err, schema.NotFound) // another's
	won := make(chan string, 8)
	var processes sync.WaitGroup
	for range cap(won) {
		processes.Go(func() {
			r, token, err := w.ClaimReplay(t.Context(), "calls", time.Hour)
			if err == nil && r.ID == queued.ID && r.State == schema.ReplayRunning {
				won <- token
			} else if schema.CodeOf(err) != schema.NotFound {
				t.Errorf("claimed %+v, %v", r, err)
			}
		})
	}
	processes.Wait()
	if len(won) != 1 {
		t.Fatalf("%d processes run the replay", len(won))
	}
	must(t, w.EndReplay(t.Context(), queued.ID, <-won, schema.ReplayProgress{Cursor: 9}, schema.ReplayDone, ""))
	_, _, err = w.ClaimReplay(t.Context(), "calls", time.Hour)
	wantCode(t, err, schema.NotFound)
}

func TestReplaysAreTakenUpInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.QueueReplay(t.Context(), reindex)
	must(t, err)
	second, err := w.QueueReplay(t.Context(), reindex)
	must(t, err)
	cancelled, err := w.QueueReplay(t.Context(), reindex)
	must(t, err)
	must(t, w.CancelReplay(t.Context(), cancelled.ID))
	for _, want := range []schema.Replay{first, second} {
		if got, _, err := w.ClaimReplay(t.Context(), "calls", time.Hour); got.ID != want.ID {
			t.Errorf("took up %s (%v), want %s", got.ID, err, want.ID)
		}
	}
	_, _, err = w.ClaimReplay(t.Context(), "calls", time.Hour)
	wantCode(t, err, schema.NotFound)
}

func TestWhatSomebodyRunsByHandIsNotTakenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, token, err := w.CreateReplay(t.Context(), reindex, time.Hour)
	must(t, err)
	must(t, w.EndReplay(t.Context(), r.ID, token, schema.ReplayProgress{}, schema.ReplayInterrupted, ""))
	_, _, err = w.ClaimReplay(t.Context(), "calls", time.Hour)
	wantCode(t, err, schema.NotFound)
}

// claimLost takes the replay up as a process that vanishes at once.
func (w *world) claimLost() (schema.Replay, string) {
	w.t.Helper()
	r, token, err := w.ClaimReplay(w.t.Context(), "calls", -time.Second)
	must(w.t, err)
	return r, token
}

func TestAReplayThatNoProcessSurvivesFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queued, err := w.QueueReplay(t.Context(), reindex)
	must(t, err)
	p := schema.ReplayProgress{Cursor: 7, End: 99}
	for range 4 {
		w.claimLost()
	}
	_, token := w.claimLost()
	must(t, w.SaveReplayProgress(t.Context(), queued.ID, token, p, -time.Second)) // it has come further: counted anew
	for range 5 {
		r, token := w.claimLost()
		if diff := cmp.Diff(p, r.Progress); diff != "" {
			t.Errorf("goes on at:\n%s", diff)
		}
		must(t, w.SaveReplayProgress(t.Context(), queued.ID, token, p, -time.Second))
	}
	_, _, err = w.ClaimReplay(t.Context(), "calls", time.Hour)
	wantCode(t, err, schema.NotFound)
	r, err := w.Replay(t.Context(), queued.ID)
	must(t, err)
	if r.State != schema.ReplayFailed || !strings.Contains(r.Error, "5 processes") {
		t.Errorf("replay %+v", r)
	}
	// An operator who has mended it may go on by hand.
	_, _, err = w.ResumeReplay(t.Context(), queued.ID, time.Hour)
	must(t, err)
}

func TestAReplayHandedOverInOrderIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	queued, err := w.QueueReplay(t.Context(), reindex)
	must(t, err)
	for range 20 { // a rolling restart after another
		r, token, err := w.ClaimReplay(t.Context(), "calls", time.Hour)
		must(t, err)
		must(t, w.EndReplay(t.Context(), queued.ID, token, r.Progress, schema.ReplayInterrupted, ""))
	}
}

// Whatever ended a replay before its end, and whether or not somebody waited
// for it, it goes on where it stopped in a process that runs its consumer.
func TestAReplayIsQueuedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := schema.ReplayProgress{Cursor: 7, End: 99, Done: 7}
	for name, interrupt := range map[string]func(id, token string){
		"it was stopped":       func(id, token string) { must(t, w.EndReplay(t.Context(), id, token, p, schema.ReplayInterrupted, "")) },
		"it failed":            func(id, token string) { must(t, w.EndReplay(t.Context(), id, token, p, schema.ReplayFailed, "why")) },
		"its process vanished": func(id, token string) { must(t, w.SaveReplayProgress(t.Context(), id, token, p, -time.Second)) },
	} {
		started, token, err := w.CreateReplay(t.Context(), reindex, time.Hour)
		must(t, err)
		_, err = w.RequeueReplay(t.Context(), started.ID)
		wantCode(t, err, schema.Conflict) // it runs
		interrupt(started.ID, token)
		again, err := w.RequeueReplay(w.boss(), started.ID)
		must(t, err)
		if again.State != schema.ReplayQueued || again.Error != "" || !again.EndedAt.IsZero() || cmp.Diff(p, again.Progress) != "" {
			t.Errorf("%s: %+v", name, again)
		}
		_, err = w.RequeueReplay(t.Context(), started.ID)
		wantCode(t, err, schema.Conflict) // it waits
		wantCode(t, w.SaveReplayProgress(t.Context(), started.ID, token, p, time.Hour), schema.Conflict)
		r, second, err := w.ClaimReplay(t.Context(), reindex.Consumer, time.Hour)
		must(t, err)
		if r.ID != started.ID || cmp.Diff(p, r.Progress) != "" {
			t.Errorf("%s: claimed %+v", name, r)
		}
		must(t, w.EndReplay(t.Context(), r.ID, second, p, schema.ReplayDone, ""))
		_, err = w.RequeueReplay(t.Context(), r.ID)
		wantCode(t, err, schema.Conflict)
	}
	entries, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{Action: "replay.resume"})
	must(t, err)
	if len(entries) != 3 || entries[0].Actor != "cli:boss@desk" {
		t.Errorf("audit log %+v", entries)
	}
	_, err = w.RequeueReplay(t.Context(), nobody)
	wantCode(t, err, schema.NotFound)
}

func TestReplaysAreListedByPageAndOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.neighbour("+15559990000").OrganizationID
	var ids []string
	for range 5 {
		spec := reindex
		if len(ids) == 2 {
			spec.Organization = theirs
		}
		r, err := w.QueueReplay(schema.WithActor(t.Context(), "key:ann"), spec)
		must(t, err)
		ids = append([]string{r.ID}, ids...)
	}
	var got []string
	f := schema.ReplayFilter{Limit: 2}
	for {
		page, next, err := w.FindReplays(t.Context(), f)
		must(t, err)
		for _, r := range page {
			got = append(got, r.ID)
		}
		if f.Cursor = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("all:\n%s", diff)
	}
	page, _, err := w.FindReplays(t.Context(), schema.ReplayFilter{Organization: theirs})
	must(t, err)
	if len(page) != 1 || page[0].ID != ids[2] {
		t.Errorf("theirs: %+v", page)
	}
	_, _, err = w.FindReplays(t.Context(), schema.ReplayFilter{Cursor: "nonsense"})
	wantCode(t, err, schema.Invalid)
	// Their own audit log has what was done for them.
	entries, _, err := w.AuditLog(t.Context(), theirs, schema.AuditFilter{})
	must(t, err)
	if len(entries) == 0 || entries[0].Action != "replay.start" || entries[0].Actor != "key:ann" {
		t.Errorf("audit log %+v", entries)
	}
}
