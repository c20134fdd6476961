package archiver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/loquent/callstream/schema"
)

// maxFacts bounds what is read of a document beside audio.
const maxFacts = 1 << 20

// copies is a bucket to read from. URL is how the database names the object at
// key, whether there is one or not.
type copies interface {
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
	URL(key string) string
}

// restorer stores what only replays do: a decision that the bucket remembers,
// and a copy in place of another.
type restorer interface {
	SaveDecision(ctx context.Context, accountSID, orgID string, d schema.Decision) (schema.Decision, error)
	Rearchive(ctx context.Context, recordingSID string, o schema.Object) error
}

// restore makes a copy that lies in the recording's place already the
// recording's, as when the database is built anew: by then the audio is gone at
// Twilio. The facts beside it say what it is, whether it is quarantined and why
// it was recorded; the audio is read back whole before anything is believed.
func (c *Consumer) restore(ctx context.Context, j *job, marked bool) (done bool, err error) {
	if c.Copies == nil || j.recording.Status != schema.RecordingCompleted {
		return false, nil
	}
	if j.recording.CallSID == "" {
		if err := c.askForCall(ctx, j); err != nil {
			return false, err
		}
	}
	found, err := c.find(ctx, j)
	if found == nil || err != nil {
		return false, err
	}
	j.quarantined = marked || found.Quarantined
	// Some of what is known of the call may have been asked of Twilio then.
	if err := c.createCall(ctx, j, found.Call, j.entry(ctx, j.copied(found.Object))); err != nil {
		return false, err
	}
	if err := c.restoreDecision(ctx, j, found.Decision); err != nil {
		return false, err
	}
	if err := c.save(ctx, j); err != nil {
		return false, err
	}
	if err := c.mark(ctx, j, found.Object); err != nil {
		return false, err
	}
	return true, c.announce(ctx, j, found.Object)
}

// find returns the facts in the recording's place if they are this recording's
// and the audio beside them is what they say, or nil.
func (c *Consumer) find(ctx context.Context, j *job) (*facts, error) {
	key := j.key()
	found, err := c.readFacts(ctx, factsKey(key))
	if found == nil || err != nil {
		return nil, err
	}
	if found.Recording.RecordingSID != j.recording.RecordingSID || found.Call.CallSID != j.recording.CallSID ||
		found.AccountSID != j.account.AccountSID || found.OrganizationID != j.account.OrganizationID {
		c.Logger.WarnContext(ctx, "facts of another recording", "recording_sid", j.recording.RecordingSID, "key", factsKey(key))
		return nil, nil
	}
	found.Object.Key, found.Object.URL = key, c.Copies.URL(key) // wherever the bucket was copied from
	whole, err := c.proven(ctx, found.Object)
	if !whole || err != nil {
		return nil, err
	}
	return found, nil
}

// readFacts returns the facts at key, or nil when there are none to be read.
func (c *Consumer) readFacts(ctx context.Context, key string) (*facts, error) {
	body, _, err := c.Copies.Get(ctx, key)
	if schema.CodeOf(err) == schema.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	defer body.Close()
	document, err := io.ReadAll(io.LimitReader(body, maxFacts))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var found facts
	if err := json.Unmarshal(document, &found); err != nil {
		c.Logger.WarnContext(ctx, "facts that nobody can read", "key", key, "error", err)
		return nil, nil //nolint:nilerr // as good as none: the audio is asked for at Twilio
	}
	return &found, nil
}

// proven reports whether the bucket holds o, all of it.
func (c *Consumer) proven(ctx context.Context, o schema.Object) (bool, error) {
	err := c.Objects.Verify(ctx, o)
	switch schema.CodeOf(err) {
	case "":
		return true, nil
	case schema.NotFound, schema.Corrupt:
		c.Logger.InfoContext(ctx, "no proven copy in place", "key", o.Key, "error", err)
		return false, nil
	default:
		return false, fmt.Errorf("verify %s: %w", o.Key, err)
	}
}

// restoreDecision stores a final decision that the facts remember, unless one
// is stored.
func (c *Consumer) restoreDecision(ctx context.Context, j *job, d *schema.Decision) error {
	if c.Restore == nil || d == nil || d.CallSID != j.recording.CallSID || !d.Outcome.Final() {
		return nil
	}
	if _, err := c.Restore.SaveDecision(ctx, j.account.AccountSID, j.account.OrganizationID, *d); err != nil {
		return fmt.Errorf("restore the decision on %s: %w", d.CallSID, err)
	}
	return nil
}
