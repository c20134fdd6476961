package lease_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/lease"
)

// takeAll takes workers for tenant until there are no more, and returns how
// many there were, of at most limit.
func takeAll(t *testing.T, s *lease.Shares, tenant string, limit int) (taken int) {
	t.Helper()
	for range limit {
		release, ok := s.Take(tenant)
		if !ok {
			return taken
		}
		t.Cleanup(release)
		taken++
	}
	return taken
}

func TestOneTenantAloneHasAllWorkers(t *testing.T) {
	t.Parallel()
	s := lease.NewShares(8, time.Now)
	if got := takeAll(t, s, "a", 8); got != 8 {
		t.Errorf("took %d workers, want all 8", got)
	}
}

func TestTenantsShareWhileBothHaveWork(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	s := lease.NewShares(8, func() time.Time { return now })
	if _, ok := s.Take("b"); !ok {
		t.Fatal("b has no worker though none is in use")
	}
	if got := takeAll(t, s, "a", 8); got != 4 {
		t.Errorf("a took %d workers beside b, want half", got)
	}
	now = now.Add(time.Minute) // b has not asked for long
	if _, ok := s.Take("a"); !ok {
		t.Error("a is held to half although nobody else asks")
	}
}

func TestReleasedWorkersAreThereAgain(t *testing.T) {
	t.Parallel()
	s := lease.NewShares(2, time.Now)
	takeAll(t, s, "b", 1)
	release, ok := s.Take("a")
	if !ok {
		t.Fatal("a has no worker")
	}
	if _, ok := s.Take("a"); ok {
		t.Fatal("a has more than its half")
	}
	release()
	if _, ok := s.Take("a"); !ok {
		t.Error("the worker that a gave back is gone")
	}
}

func TestFewWorkersAreNotShared(t *testing.T) {
	t.Parallel()
	if got := takeAll(t, lease.NewShares(1, time.Now), "a", 5); got != 5 {
		t.Errorf("took %d, want no limit", got)
	}
}
