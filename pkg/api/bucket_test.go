package api

import (
	"strconv"
	"testing"
	"time"
)

// However many names there are, the count of them is bounded, and those in use
// are the ones that stay.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBuckets(1, 1, 3)
	now := time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	for i := range 100 {
		if wait := b.take("in use", now); (wait > 0) != (i > 0) {
			t.Fatalf("the name in use was forgotten after %d others", i)
		}
		b.take(strconv.Itoa(i), now)
	}
	if len(b.byName) != 3 || b.recent.Len() != 3 || !b.has("in use") || !b.has("99") || b.has("0") {
		t.Errorf("%d names, %d in order", len(b.byName), b.recent.Len())
	}
	b.forget("in use")
	if b.has("in use") || b.wait("in use", now) != 0 || b.recent.Len() != 2 {
		t.Error("a forgotten name is known")
	}
}

func TestPlaysAreBounded(t *testing.T) {
	t.Parallel()
	s, now := newPlays(), time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	for i := range playsKept + 1 {
		s.add(play{recordingSID: strconv.Itoa(i)}, now)
	}
	if len(s.at) > playsKept || !s.lately(play{recordingSID: strconv.Itoa(playsKept)}, now) {
		t.Errorf("%d plays, of which the last is not known", len(s.at))
	}
}
