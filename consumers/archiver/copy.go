package archiver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// sniffSize is how much of the audio is looked at before any of it is sent on.
const sniffSize = 4 << 10

// Twilio's claim and the audio's measure differ by its rounding and by what an
// encoder pads; more than this is missing audio.
const (
	durationSlack      = 2 * time.Second
	durationSlackShare = 10 // percent
)

// discardTimeout bounds the removal of an object that must not stay, which
// happens even when the work was cancelled.
const discardTimeout = 10 * time.Second

// objects is the bucket. Put sends body on as it comes and fails with
// [schema.Corrupt] if it is not size bytes long (-1: any length); what was
// under the key before is there still when it fails. Verify reads the object
// back and compares. Remove does not mind if there is none.
type objects interface {
	Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error)
	Verify(ctx context.Context, o schema.Object) error
	Remove(ctx context.Context, key string) error
}

// copy streams the recording from Twilio to key in the bucket and returns it
// there, proven. The error is [schema.Corrupt] when what came is not the
// recording, and nothing stays under the key then.
func (c *Consumer) copy(ctx context.Context, j *job, key string, media schema.Media) (schema.Object, error) {
	body, err := sniff(media)
	if err != nil {
		return schema.Object{}, fmt.Errorf("download %s: %w", j.recording.RecordingSID, err)
	}
	var meter mp3.Meter
	object, err := c.Objects.Put(ctx, key, io.TeeReader(body, &meter), media.Size, "audio/mpeg")
	if err != nil {
		return schema.Object{}, fmt.Errorf("copy %s: %w", j.recording.RecordingSID, err)
	}
	err = whole(&meter, j.recording.Duration)
	if err == nil {
		err = c.Objects.Verify(ctx, object)
	}
	switch schema.CodeOf(err) {
	case "":
		return object, nil
	case schema.Corrupt, schema.NotFound:
		err = schema.Errorf(schema.Corrupt, "copy %s: %w", j.recording.RecordingSID, err)
		return schema.Object{}, c.discard(ctx, key, err)
	default:
		return schema.Object{}, fmt.Errorf("verify %s: %w", key, err)
	}
}

// sniff returns the body once its first bytes are seen to be audio. Proxies and
// services in trouble answer 200 with pages of text.
func sniff(media schema.Media) (io.Reader, error) {
	if !strings.HasPrefix(media.ContentType, "audio/") {
		return nil, schema.Errorf(schema.Corrupt, "content is %q, not audio", media.ContentType)
	}
	body := bufio.NewReaderSize(media.Body, sniffSize)
	prefix, err := body.Peek(sniffSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	if !mp3.IsAudio(prefix) {
		return nil, schema.Errorf(schema.Corrupt, "content is not MP3 audio, whatever it is called")
	}
	return body, nil
}

// whole compares the audio's playing time with what Twilio claims, in seconds;
// nil claims nothing.
func whole(meter *mp3.Meter, claimed *int) error {
	if claimed == nil {
		return nil
	}
	want := time.Duration(*claimed) * time.Second
	if got := meter.Duration(); got < want-max(durationSlack, want*durationSlackShare/100) {
		return schema.Errorf(schema.Corrupt, "audio plays for %s, but the recording is %s long", got.Round(time.Millisecond), want)
	}
	return nil
}

// discard removes what was copied and returns cause. The next attempt writes
// the same key; but there may be none, and half a recording must not pass for
// one.
func (c *Consumer) discard(ctx context.Context, key string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := c.Objects.Remove(ctx, key); err != nil {
		return errors.Join(cause, fmt.Errorf("remove %s: %w", key, err))
	}
	return cause
}
