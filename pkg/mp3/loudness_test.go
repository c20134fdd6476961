package mp3_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/loquent/callstream/pkg/mp3"
)

// speech is where recordings of conversations are, with who speaks when.
const speech = "../simulator/audio"

// In a conversation on two channels whoever speaks is far louder than whoever
// listens: the picture of a call shows who speaks when.
func TestLoudnessTellsWhoSpeaks(t *testing.T) {
	t.Parallel()
	described, err := os.ReadFile(filepath.Join(speech, "clips.json"))
	if err != nil {
		t.Fatal(err)
	}
	var clips []struct {
		Name     string
		Channels int
		Segments []struct{ Start, End float64 }
	}
	if err := json.Unmarshal(described, &clips); err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, clip := range clips {
		if clip.Channels != 2 {
			continue
		}
		for i, s := range clip.Segments {
			mean := loudness(t, filepath.Join(speech, clip.Name+".mp3"), s.Start+.3, s.End-.5)
			if speaks, listens := mean[i%2], mean[1-i%2]; speaks < listens+10 {
				t.Errorf("%s, sentence %d: %.0f dB for who speaks, %.0f dB for who listens", clip.Name, i, speaks, listens)
			}
			told++
		}
	}
	if told == 0 {
		t.Error("no conversation on two channels was found")
	}
}

// loudness returns the mean of each channel between two times, in seconds.
func loudness(t testing.TB, file string, from, to float64) (mean []float64) {
	t.Helper()
	audio, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n := 0.0
	for s := mp3.NewScanner(bytes.NewReader(audio)); s.Scan(); {
		if at := s.Frame().Start.Seconds(); at < from || at > to {
			continue
		}
		levels := s.Frame().Loudness()
		if mean == nil {
			mean = make([]float64, len(levels))
		}
		for c, level := range levels {
			mean[c] += level
		}
		n++
	}
	for c := range mean {
		mean[c] /= n
	}
	return mean
}

// Every shape of stream is read: a tone is far from silence in each of its
// channels, whatever the version, a checksum, or sum and difference.
func TestLoudnessOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, e := range encoded {
		mean := loudness(t, filepath.Join("testdata", e.file), .2, e.duration.Seconds()-.2)
		if len(mean) != e.channels {
			t.Fatalf("%s: %d channels", e.file, len(mean))
		}
		for c, level := range mean {
			if level < -60 || level > 20 {
				t.Errorf("%s: %.0f dB on channel %d of a tone", e.file, level, c)
			}
		}
	}
}

// A frame that says more than it has is quiet, and no panic.
func TestLoudnessOfAFrameCutShort(t *testing.T) {
	t.Parallel()
	header, _ := mp3.ParseHeader([]byte{0xFF, 0xE3, 0x28, 0xC4})
	f := mp3.Frame{Header: header, Bytes: []byte{0xFF, 0xE3, 0x28, 0xC4}}
	if got := f.Loudness(); len(got) != 1 || got[0] != mp3.Quiet {
		t.Errorf("loudness %v", got)
	}
}
