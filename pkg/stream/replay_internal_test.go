package stream

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

// In whichever order messages end, the counts are those of the messages up to
// the cursor, and no message that is in work lies before it.
func TestATallyCountsInTheStreamsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		tally := newTally(schema.ReplayProgress{End: 100}, n)
		flight := make([]*ending, n)
		for i := range flight {
			flight[i] = tally.open(context.Background(), uint64(2*i+1)) //nolint:gosec // small
		}
		over := map[uint64]string{}
		for _, i := range rapid.Permutation(indices(n)).Draw(t, "order") {
			how := rapid.SampledFrom([]string{endDone, endSkipped, endFailed}).Draw(t, "how")
			over[flight[i].seq] = how
			tally.end(flight[i], how, errors.New("why"))
			checkTally(t, tally.now(), over)
		}
		if p := tally.now(); p.Seen() != uint64(n) || p.Cursor != uint64(2*n-1) { //nolint:gosec // small
			t.Fatalf("at the end: %+v", p)
		}
	})
}

// checkTally compares the progress with what a walk from the start finds.
func checkTally(t *rapid.T, p schema.ReplayProgress, over map[uint64]string) {
	counts := map[string]uint64{}
	cursor := uint64(0)
	for seq := uint64(1); over[seq] != ""; seq += 2 {
		counts[over[seq]]++
		cursor = seq
	}
	if p.Cursor != cursor || p.Done != counts[endDone] || p.Skipped != counts[endSkipped] || p.Failed != counts[endFailed] {
		t.Fatalf("%+v, want cursor %d and %v", p, cursor, counts)
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// A message that takes long does not make those behind it take up memory
// without bound.
func TestATallyBoundsHowFarOthersRunAhead(t *testing.T) {
	t.Parallel()
	tally := newTally(schema.ReplayProgress{}, 2)
	slow, quick := tally.open(t.Context(), 1), tally.open(t.Context(), 2)
	tally.end(quick, endDone, nil)
	full, cancel := context.WithCancel(t.Context())
	cancel()
	if tally.open(full, 3) != nil {
		t.Error("a third was taken in")
	}
	tally.end(slow, endDone, nil)
	if tally.open(t.Context(), 3) == nil {
		t.Error("the third was not taken in")
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ a, b, want string }{
		{"call.answered.*", "call.>", "call.answered.*"},
		{"call.answered.*", "call.*.AC1", "call.answered.AC1"},
		{"call.answered.*", ">", "call.answered.*"},
		{"message.>", "message.*.AC1", "message.*.AC1"},
		{"message.>", "message.>", "message.>"},
		{"call.answered.*", "call.completed.*", ""},
		{"call.answered.*", "call.answered", ""},
		{"call.answered.*", "call.answered.*.more", ""},
		{"message.>", "message", ""},
	} {
		for _, pair := range [][2]string{{tc.a, tc.b}, {tc.b, tc.a}} {
			got, ok := narrow(pair[0], pair[1])
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("narrow(%q, %q) is %q, %t; want %q", pair[0], pair[1], got, ok, tc.want)
			}
		}
	}
}
