package stream

import (
	"testing"
	"time"
)

func TestTheBreakerOpensAfterSilenceAndProbesOnceASecond(t *testing.T) {
	t.Parallel()
	var b breaker
	now := time.Now()
	for range breakAfter - 1 {
		b.timedOut(now)
	}
	if !b.allow(now) || b.open(now) {
		t.Fatal("open before its time")
	}
	b.answered() // an answer in between starts the count anew
	for range breakAfter {
		if !b.allow(now) {
			t.Fatal("open before its time")
		}
		b.timedOut(now)
	}
	if b.allow(now) || b.allow(now.Add(breakProbe-1)) {
		t.Error("let through while open")
	}
	now = now.Add(breakProbe)
	if !b.allow(now) {
		t.Error("no probe after its time")
	}
	if b.allow(now) {
		t.Error("two probes at once")
	}
	b.answered()
	if !b.allow(now) || b.open(now) {
		t.Error("still open after an answer")
	}
}

// A leader that is moved is waited for; one that is lost is not, but by the
// probes. Long after the last try nobody knows, so all may try.
func TestTheBreakerOpensWhenALeaderIsLostAndNotWhenItIsMoved(t *testing.T) {
	t.Parallel()
	var b breaker
	now := time.Now()
	for range 10 * breakAfter { // at once, from many publishers
		b.leaderless(now)
	}
	if !b.allow(now) || b.open(now.Add(breakLost-1)) {
		t.Fatal("open while the leader may only be moving")
	}
	b.answered()
	b.leaderless(now.Add(breakLost))
	if b.open(now.Add(breakLost)) {
		t.Fatal("an answer in between does not count")
	}
	now = now.Add(2 * breakLost)
	b.leaderless(now)
	if !b.open(now) || !b.allow(now) || b.allow(now) {
		t.Error("want it open, with one probe let through")
	}
	if now = now.Add(breakStale + 1); b.open(now) || !b.allow(now) || !b.allow(now) {
		t.Error("still open though nobody has tried for long")
	}
	b.leaderless(now)
	if b.open(now) {
		t.Error("what was known long ago counts")
	}
}

func TestTheLinkKnowsHowLongItHasBeenDown(t *testing.T) {
	t.Parallel()
	l := newLink(nil)
	now := time.Now()
	if l.downFor(now) != 0 {
		t.Error("down before anything happened")
	}
	renewed := l.reconnect()
	l.down(now)
	l.down(now.Add(time.Second)) // the first loss counts
	if got := l.downFor(now.Add(3 * time.Second)); got != 3*time.Second {
		t.Errorf("down for %s, want 3s", got)
	}
	l.up()
	select {
	case <-renewed:
	default:
		t.Error("nobody was told of the reconnect")
	}
	if l.downFor(now) != 0 {
		t.Error("down after the reconnect")
	}
}
