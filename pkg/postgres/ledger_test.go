package postgres_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// The runner's books are kept here.
var (
	_ stream.Ledger  = (*postgres.DB)(nil)
	_ stream.Parking = (*postgres.DB)(nil)
)

func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attempt := func(durable string, seqs ...uint64) map[uint64]int {
		counts, err := w.Attempt(t.Context(), durable, seqs)
		must(t, err)
		return counts
	}
	attempt("calls", 3, 1, 2)
	attempt("archiver", 1)
	if diff := cmp.Diff(map[uint64]int{1: 2, 9: 1}, attempt("calls", 9, 1, 1)); diff != "" {
		t.Error(diff)
	}
	must(t, w.Settle(t.Context(), "calls", []uint64{1, 2, 77}))
	if diff := cmp.Diff(map[uint64]int{1: 1, 3: 2}, attempt("calls", 1, 3)); diff != "" {
		t.Errorf("after settling:\n%s", diff)
	}
	if diff := cmp.Diff(map[uint64]int{}, attempt("calls")); diff != "" {
		t.Errorf("of nothing:\n%s", diff)
	}
}

func TestAnExcusedAttemptDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attempt := func() map[uint64]int {
		counts, err := w.Attempt(t.Context(), "archiver", []uint64{7, 8})
		must(t, err)
		return counts
	}
	attempt()
	attempt()
	must(t, w.Excuse(t.Context(), "archiver", []uint64{7}))
	if diff := cmp.Diff(map[uint64]int{7: 2, 8: 3}, attempt()); diff != "" {
		t.Errorf("after an excuse:\n%s", diff)
	}
	for range 3 { // one more than there are
		must(t, w.Excuse(t.Context(), "archiver", []uint64{7}))
	}
	if diff := cmp.Diff(map[uint64]int{7: 1, 8: 4}, attempt()); diff != "" {
		t.Errorf("after all attempts were excused:\n%s", diff)
	}
}

func TestAttemptsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			if _, err := w.Attempt(t.Context(), "calls", []uint64{1, 2, 3}); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	counts, err := w.Attempt(t.Context(), "calls", []uint64{1, 2, 3})
	must(t, err)
	if diff := cmp.Diff(map[uint64]int{1: 9, 2: 9, 3: 9}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestParkedMessagesComeBackWhenDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	must(t, w.Park(t.Context(), "recorder", 1, future, "later"))
	must(t, w.Park(t.Context(), "recorder", 2, past, "now"))
	must(t, w.Park(t.Context(), "recorder", 3, past.Add(-time.Hour), "now"))
	must(t, w.Park(t.Context(), "archiver", 4, past, "another durable's"))
	due := func(limit int, hold time.Duration) []uint64 {
		seqs, err := w.Due(t.Context(), "recorder", limit, hold)
		must(t, err)
		return seqs
	}
	for i, want := range [][]uint64{{3}, {2}, {}} { // the longest waiting first, and held back then
		if diff := cmp.Diff(want, due(1, time.Hour)); diff != "" {
			t.Errorf("look %d:\n%s", i+1, diff)
		}
	}
	must(t, w.Park(t.Context(), "recorder", 1, past, "sooner after all"))
	must(t, w.Unpark(t.Context(), "recorder", 3))
	must(t, w.Unpark(t.Context(), "recorder", 3))
	w.exec(`UPDATE parked_message SET next_attempt_at = now() - interval '1 second' WHERE stream_seq IN (2, 3)`) // the hold is over
	if diff := cmp.Diff([]uint64{1, 2}, due(10, time.Hour)); diff != "" {
		t.Errorf("when the hold is over:\n%s", diff)
	}
	if n, err := w.Parked(t.Context(), "recorder"); n != 2 || err != nil {
		t.Errorf("%d are parked, %v", n, err)
	}
}

// Each due message goes to one worker only.
func TestDueMessagesAreSharedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []uint64
	for seq := range uint64(40) {
		must(t, w.Park(t.Context(), "recorder", seq, time.Now().Add(-time.Minute), ""))
		want = append(want, seq)
	}
	var (
		mu      sync.Mutex
		got     []uint64
		workers sync.WaitGroup
	)
	for range 8 {
		workers.Go(func() {
			seqs, err := w.Due(t.Context(), "recorder", 5, time.Hour)
			if err != nil || len(seqs) > 5 {
				t.Errorf("%d due, %v", len(seqs), err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, seqs...)
		})
	}
	workers.Wait()
	slices.Sort(got)
	if diff := cmp.Diff(want[:len(got)], slices.Compact(slices.Clone(got))); len(got) > len(want) {
		t.Errorf("some went to two workers:\n%s", diff)
	}
	rest, err := w.Due(t.Context(), "recorder", 100, time.Hour)
	must(t, err)
	got = append(got, rest...)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not each once:\n%s", diff)
	}
}

func TestALeaseHasOneHolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, err := w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	must(t, err)
	_, err = w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	wantCode(t, err, schema.Conflict)
	_, err = w.AcquireLease(t.Context(), "recording:RE2", time.Hour)
	must(t, err)

	must(t, w.RenewLease(t.Context(), "recording:RE1", token, time.Hour))
	wantCode(t, w.RenewLease(t.Context(), "recording:RE1", "guess", time.Hour), schema.Conflict)
	must(t, w.ReleaseLease(t.Context(), "recording:RE1", "guess"))
	_, err = w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	wantCode(t, err, schema.Conflict)

	must(t, w.ReleaseLease(t.Context(), "recording:RE1", token))
	_, err = w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	must(t, err)
}

func TestALeaseThatRanOutIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost, err := w.AcquireLease(t.Context(), "recording:RE1", -time.Second)
	must(t, err)
	must(t, w.RenewLease(t.Context(), "recording:RE1", lost, -time.Second)) // late, but nobody took it
	_, err = w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	must(t, err)
	wantCode(t, w.RenewLease(t.Context(), "recording:RE1", lost, time.Hour), schema.Conflict)
	must(t, w.ReleaseLease(t.Context(), "recording:RE1", lost))
	_, err = w.AcquireLease(t.Context(), "recording:RE1", time.Hour)
	wantCode(t, err, schema.Conflict)
}

func TestALeaseIsWonOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	won := make(chan string, 8)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			if token, err := w.AcquireLease(t.Context(), "recording:RE1", time.Hour); err == nil {
				won <- token
			}
		})
	}
	workers.Wait()
	if len(won) != 1 {
		t.Errorf("%d workers hold the lease", len(won))
	}
}
