package doctor

import (
	"bytes"
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

const transcriptionSample topic = "transcription.sample"

// The frames of the sample: MPEG-2.5 Layer III, 8 kHz, 32 kbit/s, one channel,
// as Twilio encodes telephone calls. A frame of 576 samples plays 72 ms, and
// all zeros behind its header is one with no coded values: silence.
const (
	frameSize     = 288 // bytes
	frameDuration = 72 * time.Millisecond
	frameHeader   = "\xff\xe3\x48\xc0"
)

// sample is a second of silence, or a few milliseconds more, as MP3.
func sample() []byte {
	frames := int((time.Second + frameDuration - 1) / frameDuration)
	audio := make([]byte, frames*frameSize)
	for i := range frames {
		copy(audio[i*frameSize:], frameHeader)
	}
	return audio
}

// checkTranscription has a second of silence transcribed. The text does not
// matter: models hear words in silence.
func checkTranscription(ctx context.Context, t Transcriber) schema.Finding {
	if t == nil {
		return transcriptionSample.warning(
			"Set OPENAI_API_KEY, or OPENAI_BASE_URL to a service of your own, to check it.", "No transcription service is configured here.")
	}
	audio := sample()
	transcript, err := t.Transcribe(ctx, bytes.NewReader(audio), int64(len(audio)))
	if err != nil {
		return untranscribed(err)
	}
	if transcript.Model == "" {
		return transcriptionSample.ok("A second of audio was transcribed.")
	}
	return transcriptionSample.ok("A second of audio was transcribed by %s.", transcript.Model)
}

func untranscribed(err error) schema.Finding {
	const detail = "A second of audio was not transcribed: %s."
	switch schema.CodeOf(err) {
	case schema.Unauthorized, schema.Forbidden:
		return transcriptionSample.failed("Check OPENAI_API_KEY, and that its project may use the model.", detail, why(err))
	case schema.RateLimited:
		return transcriptionSample.warning(
			"See the limits and the credit of your account at the service; transcripts come late until then, and none is lost.", detail, why(err))
	case schema.Unavailable:
		return transcriptionSample.failed(
			"Check OPENAI_BASE_URL, that the service runs, and the firewall between; transcripts wait until it answers.", detail, why(err))
	case schema.Invalid, schema.Refused, schema.NotFound:
		return transcriptionSample.failed("Check WHISPER_MODEL and OPENAI_BASE_URL: the service takes no such request.", detail, why(err))
	}
	return transcriptionSample.failed("Check the transcription service's own status and log.", detail, why(err))
}
