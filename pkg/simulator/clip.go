package simulator

import (
	"bytes"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/loquent/callstream/schema"
)

//go:generate sh audio/generate.sh

//go:embed audio/*.mp3 audio/clips.json
var audioFiles embed.FS

// clip is a piece of recorded speech whose words are known.
type clip struct {
	Name     string           `json:"name"`
	Channels int              `json:"channels"`
	Seconds  float64          `json:"seconds"`
	Segments []schema.Segment `json:"segments"`

	audio []byte
}

// library holds the clips. Recordings are one or two of them end to end.
type library []clip

// openLibrary reads the embedded clips.
func openLibrary() (library, error) {
	index, err := audioFiles.ReadFile("audio/clips.json")
	if err != nil {
		return nil, fmt.Errorf("open clips: %w", err)
	}
	var clips library
	if err := json.Unmarshal(index, &clips); err != nil {
		return nil, fmt.Errorf("read clips: %w", err)
	}
	for i := range clips {
		if clips[i].audio, err = audioFiles.ReadFile("audio/" + clips[i].Name + ".mp3"); err != nil {
			return nil, fmt.Errorf("open clip: %w", err)
		}
	}
	return clips, nil
}

// choose draws n clips of so many channels.
func (l library) choose(dice *rand.Rand, channels, n int) []int {
	var fitting []int
	for i, clip := range l {
		if clip.Channels == channels {
			fitting = append(fitting, i)
		}
	}
	chosen := make([]int, n)
	for i := range chosen {
		chosen[i] = pick(dice, fitting...)
	}
	return chosen
}

// audio joins clips to a recording's MP3. The tag in front carries the
// recording's SID, so that no two recordings have the same bytes and a
// confusion of two shows.
func (l library) audio(sid string, chosen []int) []byte {
	audio := id3(sid)
	for _, i := range chosen {
		audio = append(audio, l[i].audio...)
	}
	return audio
}

// seconds is how long the chosen clips take.
func (l library) seconds(chosen []int) float64 {
	var total float64
	for _, i := range chosen {
		total += l[i].Seconds
	}
	return total
}

// transcript is what is said in the chosen clips.
func (l library) transcript(chosen []int) schema.Transcript {
	transcript := schema.Transcript{Language: "english"}
	var texts []string
	for _, i := range chosen {
		for n, segment := range l[i].Segments {
			texts = append(texts, segment.Text)
			segment.Start = hundredths(segment.Start + transcript.Duration)
			segment.End = hundredths(segment.End + transcript.Duration)
			if l[i].Channels == 2 {
				segment.Channel = 1 + n%2 // two people take turns
			}
			transcript.Segments = append(transcript.Segments, segment)
		}
		transcript.Duration += l[i].Seconds
	}
	transcript.Text = strings.Join(texts, " ")
	transcript.Duration = hundredths(transcript.Duration)
	return transcript
}

func hundredths(seconds float64) float64 { return math.Round(seconds*100) / 100 }

// recognise tells which clips an upload is made of; ok is false for audio that
// is not the library's, whole.
func (l library) recognise(audio []byte) (chosen []int, ok bool) {
	audio = withoutID3(audio)
	for len(audio) > 0 {
		found := false
		for i, clip := range l {
			if rest, is := bytes.CutPrefix(audio, clip.audio); is {
				audio, chosen, found = rest, append(chosen, i), true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return chosen, len(chosen) > 0
}

// id3 is an ID3v2.3 tag with a title.
func id3(title string) []byte {
	frame := append([]byte("TIT2"), binary.BigEndian.AppendUint32(nil, uint32(len(title)+1))...) //nolint:gosec // A title is short.
	frame = append(frame, 0, 0, 0)                                                               // flags, Latin-1
	frame = append(frame, title...)
	n := len(frame)
	header := []byte{'I', 'D', '3', 3, 0, 0, byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}
	return append(header, frame...)
}

// withoutID3 drops the tag in front, if there is one.
func withoutID3(audio []byte) []byte {
	if len(audio) < 10 || string(audio[:3]) != "ID3" {
		return audio
	}
	size := int(audio[6])<<21 | int(audio[7])<<14 | int(audio[8])<<7 | int(audio[9])
	return audio[min(len(audio), 10+size):]
}
