package archiver

import (
	"cmp"
	"context"
	"fmt"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// job is one recording on its way into the archive.
type job struct {
	event       schema.RecordingProcessed
	account     schema.Account
	recording   schema.RecordingFacts // what is known of it, growing
	quarantined bool
}

// replayed reports whether the event comes from history.
func replayed(ctx context.Context) bool { return stream.DeliveryFrom(ctx).Replay.Active }

// process takes the job through the steps that the package's comment draws.
func (c *Consumer) process(ctx context.Context, j *job) error {
	record, err := c.Recordings.Recording(ctx, j.recording.RecordingSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
	case err != nil:
		return fmt.Errorf("read recording %s: %w", j.recording.RecordingSID, err)
	case record.Object != nil && stream.DeliveryFrom(ctx).Replay.Force:
		return c.redo(ctx, j, record)
	case record.Object != nil:
		// Done before: by another delivery, or by one whose process died
		// between commit and publish.
		j.recording, j.quarantined = record.RecordingFacts, record.Quarantined
		return c.announce(ctx, j, *record.Object)
	}

	if replayed(ctx) {
		if done, err := c.restore(ctx, j, record.Quarantined); done || err != nil {
			return err
		}
	}
	if err := c.findCall(ctx, j); err != nil {
		return err
	}
	if j.recording.Status != schema.RecordingCompleted {
		return c.conclude(ctx, j)
	}
	if j.quarantined, err = c.quarantine(ctx, j, record.Quarantined); err != nil {
		return err
	}
	if err := c.save(ctx, j); err != nil {
		return err
	}
	object, err := c.fetch(ctx, j)
	if object == nil || err != nil {
		return err
	}
	return c.commit(ctx, j, *object)
}

// fetch brings the audio into the bucket. It returns no object, and nil, for
// audio that will never come.
func (c *Consumer) fetch(ctx context.Context, j *job) (*schema.Object, error) {
	media, err := c.Twilio.DownloadMedia(ctx, j.account, j.recording.RecordingSID)
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return nil, c.missing(ctx, j, err)
	case err != nil:
		return nil, c.damaged(fmt.Errorf("download %s: %w", j.recording.RecordingSID, err))
	}
	defer media.Body.Close()
	object, err := c.copy(ctx, j, j.key(), media)
	if err != nil {
		return nil, c.damaged(err)
	}
	return &object, nil
}

// damaged counts err if it says that the audio is not what it should be.
func (c *Consumer) damaged(err error) error {
	if schema.CodeOf(err) == schema.Corrupt {
		c.counts.corrupt.Inc()
	}
	return err
}

// commit makes the proven copy the recording's. From the marker on, the
// pipeline and people rely on it.
func (c *Consumer) commit(ctx context.Context, j *job, object schema.Object) error {
	if err := c.describe(ctx, j, object); err != nil {
		return err
	}
	if err := c.mark(ctx, j, object); err != nil {
		return err
	}
	return c.announce(ctx, j, object)
}

func (c *Consumer) mark(ctx context.Context, j *job, object schema.Object) error {
	if err := c.Recordings.MarkArchived(ctx, j.recording.RecordingSID, object); err != nil {
		return fmt.Errorf("mark recording %s archived: %w", j.recording.RecordingSID, err)
	}
	c.counts.archived(j.recording, object, j.quarantined, replayed(ctx), c.Now())
	return nil
}

// announce raises recording.archived, unless the audio is quarantined: then
// the pipeline ends here.
func (c *Consumer) announce(ctx context.Context, j *job, object schema.Object) error {
	if j.quarantined {
		return c.tell(ctx, j, j.copied(object))
	}
	event := schema.RecordingArchived{Header: schema.StageHeader(j.account, c.Now().UTC()), Recording: j.recording, Object: object}
	if err := c.Publisher.Publish(ctx, event); err != nil {
		return fmt.Errorf("publish %s: %w", event.MsgID(), err)
	}
	return c.tell(ctx, j, j.copied(object))
}

// copied is what the timeline says of a copy.
func (j *job) copied(object schema.Object) string {
	if j.quarantined {
		return "copied and quarantined"
	}
	return fmt.Sprintf("copied, %d bytes", object.Size)
}

// conclude stores a recording that is not there to be copied: its end, for
// absent, failed and deleted ones, or a step on its way.
func (c *Consumer) conclude(ctx context.Context, j *job) error {
	if err := c.save(ctx, j); err != nil {
		return err
	}
	c.counts.uncopied(j.recording.Status)
	detail := string(j.recording.Status)
	if j.recording.ErrorCode != 0 {
		detail = fmt.Sprintf("%s (Twilio error %d)", detail, j.recording.ErrorCode)
	}
	return c.tell(ctx, j, detail)
}

func (c *Consumer) save(ctx context.Context, j *job) error {
	err := c.Recordings.SaveRecording(ctx, j.account.AccountSID, j.account.OrganizationID, j.recording, j.quarantined)
	if err != nil {
		return fmt.Errorf("store recording %s: %w", j.recording.RecordingSID, err)
	}
	return nil
}

// tell adds the event, with what came of it, to the call's timeline.
func (c *Consumer) tell(ctx context.Context, j *job, detail string) error {
	entry := j.entry(ctx, detail)
	if err := c.History.AddTimeline(ctx, entry); err != nil {
		return fmt.Errorf("add %s to the timeline: %w", entry.MsgID, err)
	}
	return nil
}

func (j *job) entry(ctx context.Context, detail string) schema.TimelineEntry {
	if source := j.recording.Source; source != "" {
		detail += ", by " + source
	}
	delivery := stream.DeliveryFrom(ctx)
	entry := schema.Entry(j.event, delivery.Sequence, delivery.StoredAt, detail)
	entry.CallSID = cmp.Or(entry.CallSID, j.recording.CallSID)
	return entry
}
