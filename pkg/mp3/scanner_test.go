package mp3_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
)

func TestScannerOnEncodedAudio(t *testing.T) {
	t.Parallel()
	for _, c := range encoded {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			s := mp3.NewScanner(bytes.NewReader(load(t, c.file)))
			var last mp3.Frame
			for s.Scan() {
				last = s.Frame()
				if got := last.Header.SampleRate; got != c.rate {
					t.Fatalf("at %s: %d Hz, want %d", last.Start, got, c.rate)
				}
				if last.Header.Size() != len(last.Bytes) {
					t.Fatalf("at %s: %d bytes, its header says %d", last.Start, len(last.Bytes), last.Header.Size())
				}
			}
			if s.Err() != nil || s.Frames() != c.frames || s.Duration() != c.duration || s.Junk() != 0 {
				t.Errorf("%d frames, %s, %d bytes of junk, %v; want %d, %s", s.Frames(), s.Duration(), s.Junk(), s.Err(), c.frames, c.duration)
			}
			if end := last.Start + last.Header.Duration(); (c.duration - end).Abs() > time.Microsecond {
				t.Errorf("the last frame ends at %s, the audio at %s", end, c.duration)
			}
		})
	}
}

func TestScannerSkipsWhatIsNotAudio(t *testing.T) {
	t.Parallel()
	voice := mp3test.Silence(time.Second, 1)
	other := load(t, "mpeg2-mono.mp3")
	frame := mp3test.FrameSize
	for name, c := range map[string]struct {
		stream []byte
		audio  []byte
		junk   int64
	}{
		"nothing":                      {nil, nil, 0},
		"only audio":                   {voice, voice, 0},
		"one frame":                    {voice[:frame], voice[:frame], 0},
		"tags":                         {join(id3v2(200_000), voice, id3v1()), voice, 0},
		"a tag longer than it is":      {id3v2(300)[:250], nil, 0},
		"a tag between":                {join(voice, id3v2(40), voice), join(voice, voice), 0},
		"one frame between tags":       {join(id3v2(0), voice[:frame], id3v1()), voice[:frame], 0},
		"zeros in front":               {join(make([]byte, 5000), voice), voice, 5000},
		"an error page":                {bytes.Repeat([]byte("<html>It is TIME for an Internal error</html>"), 500), nil, 45 * 500},
		"junk between":                 {join(voice, []byte("junk\xFF\xFB"), voice), join(voice, voice), 6},
		"a frame cut short at the end": {join(voice, voice[:frame-1]), voice, int64(frame - 1)},
		"a lone header":                {voice[:4], nil, 4},
		"another stream behind":        {join(voice, other), join(voice, other), 0},
		"a header by chance":           {join([]byte{0xFF, 0xFB, 0x90, 0x64}, make([]byte, 900), voice), voice, 904},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			audio, s := scan(t, c.stream)
			if !bytes.Equal(audio, c.audio) {
				t.Errorf("%d bytes of audio, want %d", len(audio), len(c.audio))
			}
			if s.Junk() != c.junk {
				t.Errorf("%d bytes of junk, want %d", s.Junk(), c.junk)
			}
		})
	}
}

// A lost stretch costs the frames that it touched and one more; what follows
// is found again.
func TestScannerFindsItsWayBack(t *testing.T) {
	t.Parallel()
	whole := load(t, "mpeg25-mono.mp3")
	_, intact := scan(t, whole)
	for cut := 1; cut < 300; cut += 7 {
		_, s := scan(t, join(whole[:1000], whole[1000+cut:]))
		if lost := intact.Frames() - s.Frames(); lost > 4 {
			t.Errorf("%d bytes missing: %d frames lost", cut, lost)
		}
	}
}

func TestScannerReportsAReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	s := mp3.NewScanner(io.MultiReader(bytes.NewReader(mp3test.Silence(time.Hour, 1)), iotest.ErrReader(broken)))
	for s.Scan() {
	}
	if !errors.Is(s.Err(), broken) {
		t.Errorf("got %v", s.Err())
	}
	if s.Duration() < time.Hour-time.Second {
		t.Errorf("only %s before the error", s.Duration())
	}
}
