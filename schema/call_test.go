package schema_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

// facts generates what an event might say of a call. Each test takes its own
// generator: rapid's are not for several goroutines.
func facts() *rapid.Generator[schema.CallFacts] { return rapid.Custom(drawFacts) }

// drawFacts draws one, unknown values included.
func drawFacts(t *rapid.T) schema.CallFacts {
	texts := rapid.SampledFrom([]string{"", "", "+15005550001", "+15005550006", "client:alice", "sip:bob@example.com"})
	moment := rapid.Custom(func(t *rapid.T) *time.Time {
		second := rapid.IntRange(-1, 5).Draw(t, "second")
		if second < 0 {
			return nil
		}
		at := time.Date(2026, 3, 4, 18, 15, second, 0, time.UTC)
		return &at
	})
	return schema.CallFacts{
		CallSID:       "CA" + "00000000000000000000000000000001",
		ParentCallSID: rapid.SampledFrom([]string{"", "CA1"}).Draw(t, "parent"),
		From:          texts.Draw(t, "from"),
		To:            texts.Draw(t, "to"),
		Leg:           rapid.SampledFrom(append(schema.Legs, "", "unheard-of", "sideways")).Draw(t, "leg"),
		Status:        rapid.SampledFrom(append(schema.CallStatuses, "", "unheard-of", "paused")).Draw(t, "status"),
		StartedAt:     moment.Draw(t, "started"),
		AnsweredAt:    moment.Draw(t, "answered"),
		EndedAt:       moment.Draw(t, "ended"),
		Duration:      rapid.Ptr(rapid.IntRange(0, 40000), true).Draw(t, "duration"),
		TrunkSID:      rapid.SampledFrom([]string{"", "TK1", "TK2"}).Draw(t, "trunk"),
		Caller:        texts.Draw(t, "caller"),
	}
}

func TestMergeIsCommutative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts().Draw(t, "a"), facts().Draw(t, "b")
		if diff := cmp.Diff(a.Merge(b), b.Merge(a)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMergeIsAssociative(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := facts().Draw(t, "a"), facts().Draw(t, "b"), facts().Draw(t, "c")
		if diff := cmp.Diff(a.Merge(b).Merge(c), a.Merge(b.Merge(c))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMergeIsIdempotent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts().Draw(t, "a"), facts().Draw(t, "b")
		both := a.Merge(b)
		for _, again := range []schema.CallFacts{both.Merge(a), both.Merge(b), both.Merge(both)} {
			if diff := cmp.Diff(both, again); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// A call is the same in whatever order its events come, and however often.
func TestMergeIgnoresOrderAndRepetition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(facts(), 1, 6).Draw(t, "events")
		merge := func(events []schema.CallFacts) (all schema.CallFacts) {
			for _, event := range events {
				all = all.Merge(event)
			}
			return all
		}
		again := rapid.Permutation(append(events[:len(events):len(events)], events[0])).Draw(t, "again")
		if diff := cmp.Diff(merge(events), merge(again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMergeNeverForgets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := facts().Draw(t, "a"), facts().Draw(t, "b")
		both := a.Merge(b)
		switch {
		case both.Status.Rank() < a.Status.Rank():
			t.Fatalf("the status went back from %s to %s", a.Status, both.Status)
		case a.AnsweredAt != nil && both.AnsweredAt.After(*a.AnsweredAt):
			t.Fatal("the answer came later")
		case a.EndedAt != nil && both.EndedAt.Before(*a.EndedAt):
			t.Fatal("the end came earlier")
		case a.From != "" && both.From == "", a.Duration != nil && both.Duration == nil, a.Leg != "" && both.Leg == "":
			t.Fatal("a known value became unknown")
		}
	})
}

// The usual story of a call, told backwards.
func TestMergeOutOfOrder(t *testing.T) {
	t.Parallel()
	answered, ended := time.Date(2026, 3, 4, 8, 0, 2, 0, time.UTC), time.Date(2026, 3, 4, 18, 20, 52, 0, time.UTC)
	seconds := 37250
	completed := schema.CallFacts{CallSID: "CA1", Status: schema.StatusCompleted, EndedAt: &ended, Duration: &seconds}
	late := schema.CallFacts{CallSID: "CA1", Status: schema.StatusInProgress, AnsweredAt: &answered, From: "+15005550001"}
	want := schema.CallFacts{
		CallSID: "CA1", Status: schema.StatusCompleted, From: "+15005550001",
		AnsweredAt: &answered, EndedAt: &ended, Duration: &seconds,
	}
	if diff := cmp.Diff(want, completed.Merge(late)); diff != "" {
		t.Error(diff)
	}
}
