package mp3_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	for _, c := range encoded {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			var m mp3.Meter
			size, err := io.Copy(&m, bytes.NewReader(load(t, c.file)))
			if err != nil {
				t.Fatal(err)
			}
			if m.Frames() != c.frames || m.Duration() != c.duration || m.Channels() != c.channels || m.Junk() != 0 || m.Bytes() != size {
				t.Errorf("%d frames, %s, %d channels, %d of %d bytes junk", m.Frames(), m.Duration(), m.Channels(), m.Junk(), m.Bytes())
			}
		})
	}
}

func TestMeterOnWhatIsNotAudio(t *testing.T) {
	t.Parallel()
	var m mp3.Meter
	page := []byte("<?xml version='1.0'?><TwilioResponse><RestException><Status>404</Status></RestException></TwilioResponse>")
	_, _ = m.Write(page)
	if m.Frames() != 0 || m.Duration() != 0 || m.Channels() != 0 || m.Junk() != int64(len(page)) {
		t.Errorf("%d frames, %s, %d channels, %d bytes of junk", m.Frames(), m.Duration(), m.Channels(), m.Junk())
	}
}

// Asking in the middle changes nothing, and a frame counts once it is whole.
func TestMeterMayBeAskedAtAnyTime(t *testing.T) {
	t.Parallel()
	voice := mp3test.Silence(10*mp3test.FrameDuration, 2)
	var m mp3.Meter
	for i, b := range voice {
		_, _ = m.Write([]byte{b})
		if want := (i + 1) / mp3test.FrameSize; m.Frames() != want {
			t.Fatalf("after %d bytes: %d frames, want %d", i+1, m.Frames(), want)
		}
	}
	if m.Duration() != 10*mp3test.FrameDuration || m.Channels() != 2 || m.Junk() != 0 {
		t.Errorf("%s, %d channels, %d bytes of junk", m.Duration(), m.Channels(), m.Junk())
	}
}

// However a stream is cut into writes, the Meter sees what a Scanner sees.
func TestMeterAgreesWithScanner(t *testing.T) {
	t.Parallel()
	pieces := [][]byte{
		mp3test.Silence(time.Second, 1), mp3test.Silence(time.Second, 2), load(t, "mpeg25-joint-crc.mp3"),
		load(t, "mpeg1-vbr-tagged.mp3"), id3v1(), id3v2(77), []byte("\xFF\xFB\x90\x64junk"), make([]byte, 999),
	}
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			piece := rapid.SampledFrom(pieces).Draw(t, "piece")
			from := rapid.IntRange(0, min(len(piece), 400)).Draw(t, "from")
			to := rapid.IntRange(from, len(piece)).Draw(t, "to")
			stream = append(stream, piece[from:to]...)
		}
		s := mp3.NewScanner(bytes.NewReader(stream))
		for s.Scan() {
		}
		var m mp3.Meter
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "write")
			_, _ = m.Write(rest[:n])
			rest = rest[n:]
		}
		if m.Frames() != s.Frames() || m.Duration() != s.Duration() || m.Junk() != s.Junk() {
			t.Fatalf("meter: %d frames, %s, %d junk; scanner: %d frames, %s, %d junk",
				m.Frames(), m.Duration(), m.Junk(), s.Frames(), s.Duration(), s.Junk())
		}
	})
}

func TestMeterAllocatesNothing(t *testing.T) {
	voice := mp3test.Silence(time.Minute, 1)
	var m mp3.Meter
	if n := testing.AllocsPerRun(10, func() { _, _ = m.Write(voice); _ = m.Duration() }); n > 0 {
		t.Errorf("%v allocations a write", n)
	}
}

func BenchmarkMeter(b *testing.B) {
	voice := mp3test.Silence(time.Hour, 1)
	b.SetBytes(int64(len(voice)))
	b.ReportAllocs()
	for b.Loop() {
		var m mp3.Meter
		_, _ = m.Write(voice)
		if m.Duration() < time.Hour {
			b.Fatal(m.Duration())
		}
	}
}
