package whisper

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// slowestRate is the fewest bytes a second that audio has which is no MP3;
// with it its length is guessed from its size, too long rather than too short.
const slowestRate = 4000

// request sends one part and returns what the service made of it.
func (c *Client) request(ctx context.Context, part mp3.Part) (openai.AudioResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, c.patience+length(part))
	defer cancel()
	ctx, seen := observe(ctx)
	start := time.Now()
	response, err := c.api.CreateTranscription(ctx, c.form(part))
	err = classify(err, seen)
	if tooShort(err) {
		response, err = openai.AudioResponse{}, nil
	}
	c.metrics.observe(err, time.Since(start))
	if err == nil {
		c.metrics.audio.Add(seconds(part, response))
	}
	return response, err
}

func length(part mp3.Part) time.Duration {
	if part.Duration > 0 {
		return part.Duration
	}
	return time.Duration(len(part.Bytes)) * time.Second / slowestRate
}

func (c *Client) form(part mp3.Part) openai.AudioRequest {
	file := upload{Reader: bytes.NewReader(part.Bytes), name: "recording.mp3", contentType: "audio/mpeg"}
	if bytes.HasPrefix(part.Bytes, []byte("RIFF")) {
		file.name, file.contentType = "recording.wav", "audio/wav"
	}
	form := openai.AudioRequest{Model: c.model, FilePath: file.name, Reader: file, Format: openai.AudioResponseFormatJSON}
	if c.timed() {
		form.Format = openai.AudioResponseFormatVerboseJSON
	}
	if strings.HasSuffix(c.model, "-diarize") {
		form.ChunkingStrategy = "auto" // required beyond 30 seconds
	}
	return form
}

// upload names its type to go-openai, which would otherwise ask the operating
// system's tables for it. The services tell formats by the name.
type upload struct {
	*bytes.Reader
	name, contentType string
}

// ContentType is what go-openai puts on the form's file.
func (u upload) ContentType() string { return u.contentType }

// tooShort reports whether the service refused audio for having next to
// nothing in it, which our own measure did not see.
func tooShort(err error) bool {
	var refusal *refusal
	return errors.As(err, &refusal) && schema.CodeOf(err) == schema.Refused && refusal.code == "audio_too_short"
}
