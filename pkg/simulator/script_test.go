package simulator

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

// A call is the same whenever it is written, whatever else was, and different
// seeds make different calls.
func TestScriptsAreDeterminedBySeed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, index := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 100000).Draw(t, "index")
		first := newScript(seed, index, testWorld())
		newScript(seed, index+1, testWorld())
		if second := newScript(seed, index, testWorld()); !reflect.DeepEqual(first, second) {
			t.Fatalf("%+v and then %+v", first, second)
		}
		if other := newScript(seed+1, index, testWorld()); other.legs[0].sid == first.legs[0].sid {
			t.Fatalf("seeds %d and %d make the same call", seed, seed+1)
		}
	})
}

// What scripts promise to the rest of the package.
func TestScriptsAreSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 2000 {
		s := newScript(3, i, testWorld())
		if s.pace < 1 || len(s.legs) == 0 {
			t.Fatalf("%d: %+v", i, s)
		}
		for n, l := range s.legs {
			if !schema.ValidSID(l.sid, schema.CallPrefix) || seen[l.sid] {
				t.Errorf("%d: SID %s is bad, or not the first", i, l.sid)
			}
			seen[l.sid] = true
			if (n == 0) != (l.parent == "") || (n > 0 && l.parent != s.legs[0].sid) {
				t.Errorf("%d: leg %d has parent %q", i, n, l.parent)
			}
			if l.answer >= l.end || (l.answer >= 0 && l.answer < l.start) || l.start > l.end {
				t.Errorf("%d: leg %d starts %d, is answered %d, ends %d", i, n, l.start, l.answer, l.end)
			}
			if l.answered && l.answer < 0 || (l.answer < 0 && l.status == schema.StatusCompleted) || !l.status.Final() {
				t.Errorf("%d: leg %d is %s, answered %d", i, n, l.status, l.answer)
			}
			if l.direction.Trunk() && (l.answered || l.completed || l.progress) {
				t.Errorf("%d: a trunk call has callbacks", i)
			}
			if l.direction == schema.LegInbound && l.answered {
				t.Errorf("%d: an inbound parent's answer is announced", i)
			}
		}
		for _, r := range s.recordings {
			if !schema.ValidSID(r.sid, schema.RecordingPrefix) || r.start < s.legs[0].answer || r.start >= s.legs[0].end {
				t.Errorf("%d: recording %+v of %+v", i, r, s.legs[0])
			}
		}
	}
}

// The package's own table of spellings and callstream's normalizer were written
// apart; where they differ, one of them is wrong.
func TestPartiesAreNormalizedAsExpected(t *testing.T) {
	t.Parallel()
	for i := range 500 {
		for _, l := range newScript(4, i, testWorld()).legs {
			for _, p := range []party{l.from, l.to} {
				if got := schema.NormalizeNumber(p.raw); got != p.want {
					t.Errorf("%q is normalized to %q, want %q", p.raw, got, p.want)
				}
			}
		}
	}
}

func TestDirectionsAreSeenFromTheOrganization(t *testing.T) {
	t.Parallel()
	ours, theirs := party{want: "+1", owned: true}, party{want: "+2"}
	for _, test := range []struct {
		from, to  party
		direction schema.Leg
		want      schema.Direction
	}{
		{theirs, ours, schema.LegInbound, schema.Inbound},
		{ours, theirs, schema.LegOutboundAPI, schema.Outbound},
		{ours, theirs, schema.LegTrunkingTerminating, schema.Outbound},
		{theirs, ours, schema.LegTrunkingOriginating, schema.Inbound},
		{ours, theirs, schema.LegInbound, schema.Outbound},
		{theirs, theirs, schema.LegOutboundDial, schema.Outbound},
		{theirs, theirs, schema.LegInbound, schema.Inbound},
	} {
		if got := (leg{from: test.from, to: test.to, direction: test.direction}).seen(); got != test.want {
			t.Errorf("%v is seen as %s, want %s", test, got, test.want)
		}
	}
}

// The faults of a recording's media come to an end, and are the same after a
// restart.
func TestMediaFaultsAreBounded(t *testing.T) {
	t.Parallel()
	clips, err := openLibrary()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[mediaFault]bool{}
	for i := range 400 {
		c := newCall(callEntry{Index: i, Seed: 5, Speed: 1, Faults: Faults{Media404: 0.5, Truncated: 0.5, Errors: 0.5, RateLimit: 0.5}}, testWorld(), clips)
		for _, r := range c.recordings {
			again := *r
			for range 4 {
				fault := r.nextMediaFault()
				kinds[fault] = true
				if fault != again.nextMediaFault() {
					t.Fatalf("the faults of %s come out differently", r.sid)
				}
			}
			if fault := r.nextMediaFault(); fault != mediaSound && r.nextMediaFault() != mediaSound {
				t.Fatalf("the sixth request for %s still meets %d", r.sid, fault)
			}
		}
	}
	for fault := mediaSound; fault <= mediaLimited; fault++ {
		if !kinds[fault] {
			t.Errorf("fault %d never occurs", fault)
		}
	}
}

func TestClips(t *testing.T) {
	t.Parallel()
	clips, err := openLibrary()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for i, clip := range clips {
		total += len(clip.audio)
		if clip.audio[0] != 0xff || clip.audio[1]&0xe0 != 0xe0 {
			t.Errorf("%s does not begin with an MP3 frame", clip.Name)
		}
		kbps := map[int]float64{1: 16, 2: 24}[clip.Channels]
		if seconds := float64(len(clip.audio)) * 8 / (kbps * 1000); clip.Seconds < 3 || clip.Seconds > 8 || !near(seconds, clip.Seconds) {
			t.Errorf("%s lasts %v s, says %v", clip.Name, seconds, clip.Seconds)
		}
		if last := clip.Segments[len(clip.Segments)-1]; last.End > clip.Seconds {
			t.Errorf("%s: a segment ends at %v of %v s", clip.Name, last.End, clip.Seconds)
		}
		chosen := []int{i, (i + 1) % len(clips)}
		if got, ok := clips.recognise(clips.audio("RE1", chosen)); !ok || !slices.Equal(got, chosen) {
			t.Errorf("%v recognised as %v", chosen, got)
		}
	}
	if total > 250_000 {
		t.Errorf("the clips have %d bytes", total)
	}
	one := clips.audio("RE1", []int{0})
	if slices.Equal(one, clips.audio("RE2", []int{0})) {
		t.Error("two recordings have the same bytes")
	}
	if _, ok := clips.recognise(one[:len(one)-1]); ok {
		t.Error("half a clip is recognised")
	}
}
