package mp3_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
)

func seed(f *testing.F) {
	for _, c := range encoded {
		f.Add(load(f, c.file)[:2000], uint16(97))
	}
	voice := mp3test.Silence(time.Second, 2)
	f.Add(join(id3v2(20), voice[:700], []byte("\xFF\xFB\x90\x64"), voice[:900], id3v1()), uint16(1))
}

// FuzzMeter: any bytes in any writes are measured without a panic, are either
// audio, tag or junk once, and measure the same in one write.
func FuzzMeter(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, stream []byte, size uint16) {
		var whole, pieces mp3.Meter
		_, _ = whole.Write(stream)
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			_, _ = pieces.Write(rest[:n])
			rest = rest[n:]
		}
		if whole.Frames() != pieces.Frames() || whole.Duration() != pieces.Duration() || whole.Junk() != pieces.Junk() {
			t.Errorf("in one write: %d frames, %d junk; in pieces: %d frames, %d junk",
				whole.Frames(), whole.Junk(), pieces.Frames(), pieces.Junk())
		}
		audio, s := scan(t, stream)
		if s.Frames() != whole.Frames() || int64(len(audio))+s.Junk() > int64(len(stream)) {
			t.Errorf("%d bytes hold %d of audio and %d of junk", len(stream), len(audio), s.Junk())
		}
	})
}

// FuzzSplit: the parts of any stream keep the limit and are its audio.
func FuzzSplit(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, stream []byte, limit uint16) {
		var joined []byte
		err := mp3.Split(bytes.NewReader(stream), mp3.Limit{Bytes: 1500 + int(limit)}, func(p mp3.Part) error {
			if len(p.Bytes) > 1500+int(limit) || p.Frames == 0 {
				t.Errorf("part %d: %d bytes, %d frames", p.Index, len(p.Bytes), p.Frames)
			}
			joined = append(joined, p.Bytes...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if audio, _ := scan(t, stream); !bytes.Equal(joined, audio) {
			t.Errorf("parts hold %d bytes, the stream %d", len(joined), len(audio))
		}
	})
}
