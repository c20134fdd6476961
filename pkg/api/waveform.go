package api

import (
	"context"
	"io"
	"math"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

func (a *api) registerWaveforms(h huma.API) {
	huma.Register(h, route{
		id: "get-recording-waveform", method: http.MethodGet, path: "/api/recordings/{recording_sid}/waveform", permission: PermissionPlay,
		summary: "How loud a recording is, over its time",
		about:   "For drawing it: between 250 and 1000 steps of equal length for each channel, from 0, silence, to 1. Estimated from the audio without decoding it. It plays nothing, so that it is not in the audit log.",
	}.operation(), a.getWaveform)
}

type waveformInput struct {
	RecordingSID string `path:"recording_sid" pattern:"^RE[0-9a-f]{32}$" doc:"Twilio's recording SID"`
}

type waveformOutput struct {
	ETag string `header:"ETag"`
	Body schema.Waveform
}

// getWaveform reads the archived audio once, whatever its length in constant
// memory.
func (a *api) getWaveform(ctx context.Context, in *waveformInput) (*waveformOutput, error) {
	record, err := a.Recordings.RecordingRecord(ctx, organization(ctx), in.RecordingSID)
	if err != nil {
		return nil, a.problem(err)
	}
	if record.Quarantined || record.Object == nil {
		return nil, a.problem(notPlayable(record))
	}
	select { // reading hours of audio is work; who waits costs nothing
	case a.readers <- struct{}{}:
		defer func() { <-a.readers }()
	case <-ctx.Done():
		return nil, a.problemOf(schema.Errorf(schema.Unavailable, "wait to read recording %s: %w", in.RecordingSID, ctx.Err()), archiveAway)
	}
	audio, err := a.Objects.Open(ctx, record.Object.Key)
	if err != nil {
		return nil, a.problemOf(err, archiveAway)
	}
	defer func() { _ = audio.Close() }()
	wave, err := waveform(audio)
	if err != nil {
		return nil, a.problemOf(schema.Errorf(schema.Unavailable, "read recording %s: %w", in.RecordingSID, err), archiveAway)
	}
	return &waveformOutput{ETag: `"` + record.Object.SHA256 + `"`, Body: wave}, nil
}

// archiveAway is the detail of problems with the bucket.
const archiveAway = "the archive does not answer; try again in a moment"

// readersAtOnce is how many recordings a process reads for waveforms at a time.
const readersAtOnce = 4

// steps is how many steps a waveform has at most.
const steps = 1000

// waveform reads MP3 audio to its end. The steps begin as single frames and
// become twice as long whenever there are too many.
func waveform(audio io.Reader) (schema.Waveform, error) {
	frames := mp3.NewScanner(audio)
	var loudest [][]float64 // by channel and step, in dB
	each, n := 1, 0         // frames in a step; frames so far
	for ; frames.Scan(); n++ {
		levels := frames.Frame().Loudness()
		for len(loudest) < len(levels) {
			loudest = append(loudest, slices.Repeat([]float64{mp3.Quiet}, n/each))
		}
		if n/each == steps {
			for c := range loudest {
				loudest[c] = halved(loudest[c])
			}
			each *= 2
		}
		for c := range loudest {
			level := levels[min(c, len(levels)-1)]
			if last := n / each; last < len(loudest[c]) {
				loudest[c][last] = max(loudest[c][last], level)
			} else {
				loudest[c] = append(loudest[c], level)
			}
		}
	}
	return schema.Waveform{Duration: frames.Duration().Seconds(), Channels: drawn(loudest)}, frames.Err()
}

// halved makes one step of each two.
func halved(levels []float64) []float64 {
	for i := range len(levels) / 2 {
		levels[i] = max(levels[2*i], levels[2*i+1])
	}
	return levels[:len(levels)/2]
}

// audible is how far below loud sound is still drawn, in dB.
const audible = 42

// drawn turns dB into heights. One step in twenty, the loudest, is as high as
// can be: a knock on the receiver does not make whispers of the voices.
func drawn(loudest [][]float64) [][]float64 {
	sounds := slices.DeleteFunc(slices.Concat(loudest...), func(level float64) bool { return level <= mp3.Quiet })
	slices.Sort(sounds)
	heights := make([][]float64, len(loudest))
	for c, levels := range loudest {
		heights[c] = make([]float64, len(levels))
		for i, level := range levels {
			if level > mp3.Quiet {
				loud := sounds[len(sounds)*19/20]
				height := min(max(0, 1-(loud-level)/audible), 1)
				heights[c][i] = math.Round(height*1000) / 1000
			}
		}
	}
	return heights
}
