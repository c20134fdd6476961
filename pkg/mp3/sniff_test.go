package mp3_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/mp3/mp3test"
)

func TestIsAudio(t *testing.T) {
	t.Parallel()
	voice := mp3test.Silence(time.Second, 1)
	for name, prefix := range map[string][]byte{
		"frames":             voice,
		"a header":           voice[:4],
		"most of a frame":    voice[:200],
		"one frame":          voice[:mp3test.FrameSize],
		"a frame and a tag":  join(voice[:mp3test.FrameSize], id3v1()),
		"a tag and frames":   join(id3v2(100), voice),
		"a tag going on":     id3v2(5000)[:2048],
		"an encoder's frame": load(t, "mpeg25-joint-crc.mp3")[:2048],
	} {
		if !mp3.IsAudio(prefix) {
			t.Errorf("%s: not taken for audio", name)
		}
	}
	for name, prefix := range map[string][]byte{
		"nothing":          nil,
		"HTML":             []byte("<!DOCTYPE html><html><body>Sign in</body></html>"),
		"JSON":             []byte(`{"code":20404,"message":"not found","status":404}`),
		"WAV":              []byte("RIFF\x24\x80\x00\x00WAVEfmt "),
		"Ogg":              []byte("OggS\x00\x02"),
		"zeros":            make([]byte, 2048),
		"a tag, then HTML": join(id3v2(10), []byte("<!DOCTYPE html>")),
		"a broken tag":     []byte("ID3\x03\x00\x00\xFF\xFF\xFF\xFF"),
		"a lone header":    join(voice[:4], make([]byte, 2044)),
		"only an end tag":  id3v1(),
	} {
		if mp3.IsAudio(prefix) {
			t.Errorf("%s: taken for audio", name)
		}
	}
}
