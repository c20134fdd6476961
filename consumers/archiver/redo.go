package archiver

import (
	"context"
	"fmt"
	"strings"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// asideExtension is that of audio that is fetched again: until it is proven the
// copy in its place stays what it is, for it may be all there is.
const asideExtension = ".again" + audioExtension

// redo archives again what is archived already, into this bucket and under the
// same key. Whatever fails, the row keeps the copy that it has.
func (c *Consumer) redo(ctx context.Context, j *job, record schema.RecordingRecord) error {
	if c.Copies == nil || c.Restore == nil {
		return stream.Terminal(schema.Errorf(schema.Invalid, "recording %s: a forced replay needs to read the bucket and to replace copies", record.RecordingSID))
	}
	j.recording, j.quarantined = record.RecordingFacts, record.Quarantined
	object, err := c.again(ctx, j, *record.Object)
	if err != nil {
		return err
	}
	if object != *record.Object {
		if err := c.describe(ctx, j, object); err != nil {
			return err
		}
		if err := c.Restore.Rearchive(ctx, record.RecordingSID, object); err != nil {
			return fmt.Errorf("make %s the copy of recording %s: %w", object.URL, record.RecordingSID, err)
		}
		c.counts.archived(j.recording, object, j.quarantined, true, c.Now())
	}
	return c.announce(ctx, j, object)
}

// again returns a proven copy of the recording in this bucket: the one that is
// there, or else Twilio's audio, or else the earlier copy's.
func (c *Consumer) again(ctx context.Context, j *job, old schema.Object) (schema.Object, error) {
	here := old
	here.URL = c.Copies.URL(old.Key)
	if whole, err := c.proven(ctx, here); whole || err != nil {
		return here, err
	}
	object, gone := c.download(ctx, j, old.Key)
	switch schema.CodeOf(gone) {
	case "":
		return object, nil
	case schema.NotFound, schema.Corrupt:
	default:
		return schema.Object{}, gone
	}
	if c.Earlier != nil && c.Earlier.URL(old.Key) == old.URL {
		return c.transfer(ctx, c.Earlier, old.Key, old)
	}
	return schema.Object{}, stream.Terminal(fmt.Errorf(
		"recording %s: Twilio has no audio, and its copy %s cannot be read from here; nothing was changed: %w", j.recording.RecordingSID, old.URL, gone))
}

// download fetches the audio from Twilio, aside first.
func (c *Consumer) download(ctx context.Context, j *job, key string) (schema.Object, error) {
	media, err := c.Twilio.DownloadMedia(ctx, j.account, j.recording.RecordingSID)
	if err != nil {
		return schema.Object{}, fmt.Errorf("download %s: %w", j.recording.RecordingSID, err)
	}
	defer media.Body.Close()
	aside, err := c.copy(ctx, j, strings.TrimSuffix(key, audioExtension)+asideExtension, media)
	if err != nil {
		return schema.Object{}, c.damaged(err)
	}
	want := aside
	want.Key = key
	object, err := c.transfer(ctx, c.Copies, aside.Key, want)
	if failed := c.discard(ctx, aside.Key, nil); failed != nil {
		c.Logger.WarnContext(ctx, "audio stays beside its place", "key", aside.Key, "error", failed)
	}
	return object, err
}

// transfer copies the object at key in a bucket to its place in this one, and
// returns it there, proven to be want.
func (c *Consumer) transfer(ctx context.Context, from copies, key string, want schema.Object) (schema.Object, error) {
	body, size, err := from.Get(ctx, key)
	if err != nil {
		return schema.Object{}, fmt.Errorf("get %s: %w", from.URL(key), err)
	}
	defer body.Close()
	if size != want.Size {
		return schema.Object{}, schema.Errorf(schema.Corrupt, "copy %s: it has %d bytes, not %d", from.URL(key), size, want.Size)
	}
	object, err := c.Objects.Put(ctx, want.Key, body, size, "audio/mpeg")
	if err != nil {
		return schema.Object{}, fmt.Errorf("copy %s: %w", from.URL(key), err)
	}
	want.URL = object.URL
	if err := c.Objects.Verify(ctx, want); err != nil {
		return schema.Object{}, fmt.Errorf("verify %s: %w", object.URL, err)
	}
	return want, nil
}
