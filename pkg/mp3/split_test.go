package mp3_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
)

// Whatever the limit: parts hold it, start on a frame, follow each other
// without gap or overlap, and are all of the audio.
func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range encoded {
		stream := load(t, c.file)
		audio, _ := scan(t, stream)
		t.Run(c.file, rapid.MakeCheck(func(t *rapid.T) {
			limit := mp3.Limit{
				Bytes:    rapid.OneOf(rapid.Just(0), rapid.IntRange(1441, 2*len(stream))).Draw(t, "bytes"),
				Duration: time.Duration(rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 4000)).Draw(t, "ms")) * time.Millisecond,
			}
			var joined []byte
			var end time.Duration
			frames := 0
			err := mp3.Split(bytes.NewReader(stream), limit, func(p mp3.Part) error {
				if limit.Bytes > 0 && len(p.Bytes) > limit.Bytes {
					t.Fatalf("part %d has %d bytes, may have %d", p.Index, len(p.Bytes), limit.Bytes)
				}
				if limit.Duration > 0 && p.Duration > limit.Duration && p.Frames > 1 {
					t.Fatalf("part %d lasts %s, may last %s", p.Index, p.Duration, limit.Duration)
				}
				if p.Start != end || !mp3.IsAudio(p.Bytes) {
					t.Fatalf("part %d starts at %s, the one before ended at %s", p.Index, p.Start, end)
				}
				joined, end, frames = append(joined, p.Bytes...), p.Start+p.Duration, frames+p.Frames
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(joined, audio) || end != c.duration || frames != c.frames {
				t.Fatalf("%d bytes, %s, %d frames; want %d, %s, %d", len(joined), end, frames, len(audio), c.duration, c.frames)
			}
		}))
	}
}

func TestSplitFillsItsParts(t *testing.T) {
	t.Parallel()
	var sizes []int
	voice := mp3test.Silence(10*mp3test.FrameDuration, 1)
	err := mp3.Split(bytes.NewReader(voice), mp3.Limit{Bytes: 4*mp3test.FrameSize + 1}, func(p mp3.Part) error {
		sizes = append(sizes, len(p.Bytes)/mp3test.FrameSize)
		return nil
	})
	if err != nil || len(sizes) != 3 || sizes[0] != 4 || sizes[1] != 4 || sizes[2] != 2 {
		t.Errorf("frames of the parts: %v, %v", sizes, err)
	}
}

func TestSplitEnds(t *testing.T) {
	t.Parallel()
	voice := mp3test.Silence(time.Minute, 1)
	stop, broken := errors.New("stop"), errors.New("connection reset")
	none := func(mp3.Part) error { t.Error("a part was handed on"); return nil }

	if err := mp3.Split(bytes.NewReader(nil), mp3.Limit{}, none); err != nil {
		t.Errorf("an empty stream: %v", err)
	}
	if err := mp3.Split(bytes.NewReader([]byte("<html>")), mp3.Limit{}, none); err != nil {
		t.Errorf("no audio: %v", err)
	}
	if err := mp3.Split(bytes.NewReader(voice), mp3.Limit{Bytes: 100}, none); !errors.Is(err, mp3.ErrFrameTooLarge) {
		t.Errorf("too small a limit: %v", err)
	}
	// A stream that breaks off must not pass for a short one.
	if err := mp3.Split(io.MultiReader(bytes.NewReader(voice), iotest.ErrReader(broken)), mp3.Limit{}, none); !errors.Is(err, broken) {
		t.Errorf("a broken stream: %v", err)
	}
	calls := 0
	err := mp3.Split(bytes.NewReader(voice), mp3.Limit{Bytes: 1000}, func(mp3.Part) error { calls++; return stop })
	if err != stop || calls != 1 { //nolint:errorlint // promised as it is
		t.Errorf("yield's error: %v after %d calls", err, calls)
	}
}

func BenchmarkSplit(b *testing.B) {
	voice := mp3test.Silence(4*time.Hour, 1)
	b.SetBytes(int64(len(voice)))
	b.ReportAllocs()
	for b.Loop() {
		if err := mp3.Split(bytes.NewReader(voice), mp3.Limit{Bytes: 25 << 20}, func(mp3.Part) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
