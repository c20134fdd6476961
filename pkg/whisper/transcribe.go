package whisper

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// shortest is the least audio that OpenAI takes (it answers audio_too_short).
const shortest = 100 * time.Millisecond

// Transcribe returns the text of audio. Size is its length in bytes, or -1
// when it is not known; it reads audio to its end and does not close it. Audio
// up to the upload limit can have any format that the service takes; beyond
// that, of unknown length, or for a model without times it must be MP3.
//
// No speech, or no audio at all, is an empty transcript. Errors:
//
//   - schema.Refused: the service takes no such audio; the same audio will be
//     refused again.
//   - schema.RateLimited: later, after RetryAfter if the service named a time.
//   - schema.Unavailable: no answer, or none that makes sense; schema.Internal:
//     the service's own error 500.
//   - schema.Unauthorized, schema.Forbidden, schema.Invalid: nothing works
//     until an operator corrects the key, the model's name or the URL.
//   - schema.Corrupt: audio is not size bytes long.
//   - The error of audio, wrapped, with its own code or schema.Unavailable.
//
// A recording in several parts is transcribed whole or not at all.
func (c *Client) Transcribe(ctx context.Context, audio io.Reader, size int64) (schema.Transcript, error) {
	result := newResult(c.model)
	counted := &counter{reader: audio}
	transcribe := func(part mp3.Part) error { return c.part(ctx, result, part) }
	var err error
	if size >= 0 && size <= int64(c.limit.Bytes) && c.limit.Duration == 0 {
		err = whole(counted, size, transcribe)
	} else {
		err = mp3.Split(counted, c.limit, transcribe)
	}
	switch {
	case err != nil:
		return schema.Transcript{}, coded(err)
	case size >= 0 && counted.n != size:
		return schema.Transcript{}, schema.Errorf(schema.Corrupt, "transcribe: the audio has %d bytes instead of %d", counted.n, size)
	case counted.n > 0 && result.parts == 0:
		return schema.Transcript{}, schema.Errorf(schema.Refused,
			"transcribe: %d bytes without MP3 audio cannot be cut into uploads of %d bytes", counted.n, c.limit.Bytes)
	}
	return result.transcript(), nil
}

// whole yields all of r, a byte more than size at most, as one part. What is
// no MP3 has an unknown duration: zero.
func whole(r io.Reader, size int64, yield func(mp3.Part) error) error {
	var buf bytes.Buffer
	buf.Grow(int(size) + bytes.MinRead)
	if n, err := buf.ReadFrom(io.LimitReader(r, size+1)); err != nil || n != size || n == 0 {
		return err //nolint:wrapcheck // coded does
	}
	part := mp3.Part{Bytes: buf.Bytes()}
	if mp3.IsAudio(part.Bytes) {
		var meter mp3.Meter
		_, _ = meter.Write(part.Bytes)
		part.Duration, part.Frames = meter.Duration(), meter.Frames()
	}
	return yield(part)
}

// part transcribes one part and adds what it gives to the result.
func (c *Client) part(ctx context.Context, result *result, part mp3.Part) error {
	result.parts++
	if part.Duration > 0 && part.Duration < shortest {
		result.whole.Duration += part.Duration.Seconds()
		return nil
	}
	response, err := c.request(ctx, part)
	if err != nil {
		return err
	}
	dropped := result.add(part, response)
	c.metrics.silent.Add(float64(dropped))
	if dropped > 0 {
		c.log.DebugContext(ctx, "segments without speech left out", "segments", dropped)
	}
	return nil
}

// coded gives an error without a code, which is the audio's own, one.
func coded(err error) error {
	var known *schema.Error
	if errors.As(err, &known) {
		return err
	}
	return schema.Errorf(schema.Unavailable, "transcribe: %w", err)
}

// counter counts the bytes of a reader.
type counter struct {
	reader io.Reader
	n      int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // a reader's errors pass as they are
}
