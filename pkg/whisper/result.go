package whisper

import (
	"cmp"
	"math"
	"strings"

	"github.com/sashabaranov/go-openai"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// result is a transcript in the making, part by part.
type result struct {
	whole schema.Transcript
	texts []string
	parts int
}

func newResult(model string) *result {
	return &result{whole: schema.Transcript{Model: model, Segments: []schema.Segment{}}}
}

func (r *result) transcript() schema.Transcript {
	r.whole.Text = strings.Join(r.texts, " ")
	r.whole.Duration = round(r.whole.Duration)
	return r.whole
}

// add appends what the service made of part, without the segments that hold no
// speech; it returns how many those were.
func (r *result) add(part mp3.Part, response openai.AudioResponse) (dropped int) {
	r.whole.Duration += seconds(part, response)
	spoken, dropped := segments(part, response)
	if len(spoken) == 0 {
		return dropped
	}
	r.whole.Language = cmp.Or(r.whole.Language, response.Language)
	r.whole.Segments = append(r.whole.Segments, spoken...)
	// The service's own text has the right spaces between segments, for
	// languages with and without them; but also what was dropped.
	text := strings.TrimSpace(response.Text)
	if text == "" || dropped > 0 {
		text = joined(spoken)
	}
	r.texts = append(r.texts, text)
	return dropped
}

// segments returns a response's segments with times from the recording's
// start. A model without times gives one for the whole part.
func segments(part mp3.Part, response openai.AudioResponse) (spoken []schema.Segment, dropped int) {
	start := part.Start.Seconds()
	end := start + cmp.Or(part.Duration.Seconds(), response.Duration, math.MaxInt32)
	// Whisper hears in windows of 30 seconds: its last segment can end after
	// the audio.
	at := func(t float64) float64 { return round(max(start, min(start+t, end))) }
	for _, s := range response.Segments {
		text := strings.TrimSpace(s.Text)
		switch {
		case !speech(s.NoSpeechProb, s.AvgLogprob):
			dropped++
		case text != "":
			spoken = append(spoken, schema.Segment{Start: at(s.Start), End: at(max(s.Start, s.End)), Text: text})
		}
	}
	if text := strings.TrimSpace(response.Text); len(response.Segments) == 0 && text != "" {
		spoken = append(spoken, schema.Segment{Start: at(0), End: at(seconds(part, response)), Text: text})
	}
	return spoken, dropped
}

// speech tells speech from what Whisper makes up over silence, as "Thanks for
// watching". The rule and its numbers are those by which Whisper's own decoder
// skips a window (no_speech_threshold and logprob_threshold in
// whisper/transcribe.py); the API applies them to 30 seconds at a time, so that
// segments can still fall under them.
func speech(noSpeechProb, avgLogprob float64) bool {
	const noSpeechThreshold, logprobThreshold = 0.6, -1.0
	return noSpeechProb <= noSpeechThreshold || avgLogprob > logprobThreshold
}

func joined(spoken []schema.Segment) string {
	var texts []string
	for _, s := range spoken {
		texts = append(texts, s.Text)
	}
	return strings.Join(texts, " ")
}

// seconds is how much audio the service heard: by its own word, else by ours.
func seconds(part mp3.Part, response openai.AudioResponse) float64 {
	return cmp.Or(response.Duration, part.Duration.Seconds())
}

// round keeps milliseconds; a frame is tens of them.
func round(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }
