package transcriber

import (
	"context"
	"fmt"
	"io"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// process takes the recording through the steps that the package's comment
// draws. The row decides, not the event: it may have been quarantined, or
// transcribed, since.
func (c *Consumer) process(ctx context.Context, event schema.RecordingArchived, account schema.Account) error {
	sid, delivery := event.Recording.RecordingSID, stream.DeliveryFrom(ctx)
	record, err := c.Recordings.Recording(ctx, sid)
	switch {
	case err != nil:
		return fmt.Errorf("read recording %s: %w", sid, err)
	case record.Quarantined:
		return c.tell(ctx, event, "quarantined: not transcribed")
	case record.Transcript != nil && !(account.TranscriptionEnabled && delivery.Replay.Force):
		// Done before, perhaps by a process that died before it could publish.
		return c.announce(ctx, event, account, false, "transcribed")
	case !account.TranscriptionEnabled:
		return c.announce(ctx, event, account, true, "not transcribed: switched off")
	case record.Object == nil:
		return schema.Errorf(schema.Conflict, "recording %s has no proven copy to transcribe", sid)
	}
	transcript, err := c.transcribe(ctx, record)
	if err != nil {
		return fmt.Errorf("transcribe %s: %w", sid, err)
	}
	if err := c.Recordings.SaveTranscript(ctx, sid, transcript); err != nil {
		return fmt.Errorf("store the transcript of %s: %w", sid, err)
	}
	c.seconds.Add(max(0, transcript.Duration))
	if ended, ok := event.Recording.EndedAt(); ok && !delivery.Replay.Active {
		c.delay.Observe(c.Now().Sub(ended).Seconds())
	}
	return c.announce(ctx, event, account, false, fmt.Sprintf("transcribed by %s", transcript.Model))
}

// transcribe streams the copy to the service. That it refuses the audio is
// terminal; the words stay unknown, the audio stays. Whatever an operator can
// mend (a key, an address, a bill) is tried again. Who speaks is found first: it
// costs nothing, and what the service is paid for is not thrown away for it.
func (c *Consumer) transcribe(ctx context.Context, record schema.RecordingRecord) (transcript schema.Transcript, err error) {
	var speaking voices
	if record.Channels == 2 {
		err := c.read(ctx, *record.Object, func(audio io.Reader, _ int64) error {
			speaking, err = hear(audio)
			return err
		})
		if err != nil {
			return schema.Transcript{}, err
		}
	}
	err = c.read(ctx, *record.Object, func(audio io.Reader, size int64) error {
		transcript, err = c.Whisper.Transcribe(ctx, audio, size)
		return err
	})
	switch schema.CodeOf(err) {
	case "":
		speaking.assign(&transcript)
		return transcript, nil
	case schema.Refused:
		return schema.Transcript{}, stream.Terminal(err)
	default:
		return schema.Transcript{}, err
	}
}

// read has the copy read. What the bucket gives has to be what was archived: the
// words of half a recording would stand for all of it.
func (c *Consumer) read(ctx context.Context, object schema.Object, by func(audio io.Reader, size int64) error) error {
	audio, size, err := c.Objects.Get(ctx, object.Key)
	if err != nil {
		return fmt.Errorf("get %s: %w", object.Key, err)
	}
	defer func() { _ = audio.Close() }()
	if size != object.Size {
		return schema.Errorf(schema.Corrupt, "get %s: the bucket gives %d bytes, and %d were archived", object.Key, size, object.Size)
	}
	return by(newProven(audio, object), size)
}

// announce raises recording.transcribed: what is to be known of the recording
// is stored, or nobody wants to know.
func (c *Consumer) announce(ctx context.Context, event schema.RecordingArchived, account schema.Account, skipped bool, detail string) error {
	next := schema.RecordingTranscribed{
		Header:    schema.StageHeader(account, c.Now().UTC()),
		Recording: event.Recording,
		Skipped:   skipped,
	}
	if err := c.Publisher.Publish(ctx, next); err != nil {
		return fmt.Errorf("publish %s: %w", next.MsgID(), err)
	}
	return c.tell(ctx, event, detail)
}

// tell adds the event, with what came of it, to the call's timeline.
func (c *Consumer) tell(ctx context.Context, event schema.RecordingArchived, detail string) error {
	delivery := stream.DeliveryFrom(ctx)
	if err := c.Recordings.AddTimeline(ctx, schema.Entry(event, delivery.Sequence, delivery.StoredAt, detail)); err != nil {
		return fmt.Errorf("add %s to the timeline: %w", event.MsgID(), err)
	}
	return nil
}
