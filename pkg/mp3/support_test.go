package mp3_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
)

// encoded are short tones from the LAME encoder, each with another of the
// shapes that real streams have. Frames and lengths are those that ffprobe
// counts, without the Info frame.
var encoded = []struct {
	file     string
	frames   int
	channels int
	rate     int
	duration time.Duration
}{
	{"mpeg1-vbr-tagged.mp3", 78, 2, 44100, 78 * 1152 * time.Second / 44100},
	{"mpeg2-mono.mp3", 117, 1, 22050, 117 * 576 * time.Second / 22050},
	{"mpeg25-mono.mp3", 44, 1, 8000, 3168 * time.Millisecond},
	{"mpeg25-joint-crc.mp3", 44, 2, 8000, 3168 * time.Millisecond},
}

func load(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// id3v2 is a tag with size bytes behind its header.
func id3v2(size int) []byte {
	b := make([]byte, 10+size)
	copy(b, "ID3\x03\x00\x00")
	for i := range 4 {
		b[9-i] = byte(size >> (7 * i) & 0x7F)
	}
	return b
}

func id3v1() []byte {
	return append([]byte("TAG"), bytes.Repeat([]byte{' '}, 125)...)
}

// scan returns what a Scanner makes of b: all its audio, and itself at its end.
func scan(t testing.TB, b []byte) ([]byte, *mp3.Scanner) {
	t.Helper()
	var audio []byte
	s := mp3.NewScanner(bytes.NewReader(b))
	for s.Scan() {
		audio = append(audio, s.Frame().Bytes...)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return audio, s
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }
