package mp3_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/mp3"
)

func TestParseHeader(t *testing.T) {
	t.Parallel()
	type facts struct {
		Header   mp3.Header
		Size     int
		Duration time.Duration
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  facts
	}{
		"CD": {[]byte{0xFF, 0xFB, 0x90, 0x64}, facts{
			mp3.Header{Version: mp3.MPEG1, Bitrate: 128_000, SampleRate: 44100, Channels: 2}, 417, 26_122_448}},
		"padded": {[]byte{0xFF, 0xFB, 0x92, 0x64}, facts{
			mp3.Header{Version: mp3.MPEG1, Bitrate: 128_000, SampleRate: 44100, Channels: 2, Padded: true}, 418, 26_122_448}},
		"MPEG-2 mono": {[]byte{0xFF, 0xF3, 0x40, 0xC4}, facts{
			mp3.Header{Version: mp3.MPEG2, Bitrate: 32_000, SampleRate: 22050, Channels: 1}, 104, 26_122_448}},
		"telephone": {[]byte{0xFF, 0xE3, 0x48, 0xC0}, facts{
			mp3.Header{Version: mp3.MPEG25, Bitrate: 32_000, SampleRate: 8000, Channels: 1}, 288, 72 * time.Millisecond}},
		"checksum": {[]byte{0xFF, 0xE2, 0x48, 0x64}, facts{
			mp3.Header{Version: mp3.MPEG25, Bitrate: 32_000, SampleRate: 8000, Channels: 2, Protected: true}, 288, 72 * time.Millisecond}},
		"largest": {[]byte{0xFF, 0xFB, 0xEA, 0x00}, facts{
			mp3.Header{Version: mp3.MPEG1, Bitrate: 320_000, SampleRate: 32000, Channels: 2, Padded: true}, 1441, 36 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, ok := mp3.ParseHeader(c.bytes)
			if !ok {
				t.Fatal("not recognised")
			}
			if diff := cmp.Diff(c.want, facts{h, h.Size(), h.Duration()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":            {},
		"too short":          {0xFF, 0xFB, 0x90},
		"no sync":            {0xFF, 0x1B, 0x90, 0x64},
		"reserved version":   {0xFF, 0xEB, 0x90, 0x64},
		"layer II":           {0xFF, 0xFD, 0x90, 0x64},
		"AAC":                {0xFF, 0xF1, 0x50, 0x80},
		"free bitrate":       {0xFF, 0xFB, 0x00, 0x64},
		"forbidden bitrate":  {0xFF, 0xFB, 0xF0, 0x64},
		"reserved rate":      {0xFF, 0xFB, 0x9C, 0x64},
		"reserved emphasis":  {0xFF, 0xFB, 0x90, 0x66},
		"silence in a-law":   {0xD5, 0xD5, 0xD5, 0xD5},
		"silence in mu-law":  {0xFF, 0xFF, 0xFF, 0xFF},
		"UTF-16 byte order":  {0xFF, 0xFE, 0x3C, 0x00},
		"beginning of a WAV": []byte("RIFF"),
	} {
		if h, ok := mp3.ParseHeader(b); ok {
			t.Errorf("%s: taken for %+v", name, h)
		}
	}
}
