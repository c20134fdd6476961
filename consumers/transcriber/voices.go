package transcriber

import (
	"io"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// voiceStep is the time for which one loudness stands. Four hours of steps take
// some 3 MB.
const voiceStep = 100 * time.Millisecond

// clearly is by how much who speaks is louder than who listens, in dB. Between
// telephones it is 10 and more.
const clearly = 6

// voices is how loud each of a recording's two channels is over its time. The
// service mixes them before it listens; by their loudness each line of its text
// finds its speaker again.
type voices []loudness

// loudness sums what the frames of one step measured, in dB.
type loudness struct {
	channel [2]float32
	frames  float32
}

// hear reads MP3 audio to its end. Audio of one channel has no voices.
func hear(audio io.Reader) (voices, error) {
	var v voices
	frames := mp3.NewScanner(audio)
	for frames.Scan() {
		frame := frames.Frame()
		levels := frame.Loudness()
		if len(levels) != 2 {
			continue
		}
		at := int(frame.Start / voiceStep)
		for len(v) <= at {
			v = append(v, loudness{})
		}
		v[at].channel[0] += float32(levels[0])
		v[at].channel[1] += float32(levels[1])
		v[at].frames++
	}
	return v, frames.Err() //nolint:wrapcheck // names the audio's reader
}

// assign tells each segment on which channel it is spoken, where that is clear.
func (v voices) assign(t *schema.Transcript) {
	for i := range t.Segments {
		t.Segments[i].Channel = v.speaker(t.Segments[i])
	}
}

// speaker returns the channel that is the louder one during the segment, 1 or 2,
// or 0 if neither clearly is.
func (v voices) speaker(s schema.Segment) int {
	var sum loudness
	step := voiceStep.Seconds()
	for at := max(0, int(s.Start/step)); at < len(v) && float64(at)*step < s.End; at++ {
		sum.channel[0] += v[at].channel[0]
		sum.channel[1] += v[at].channel[1]
		sum.frames += v[at].frames
	}
	switch ahead := sum.channel[0] - sum.channel[1]; {
	case ahead > clearly*sum.frames:
		return 1
	case -ahead > clearly*sum.frames:
		return 2
	}
	return 0
}
