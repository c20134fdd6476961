package archiver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// audioExtension is that of the audio; the facts beside it have ".json".
const audioExtension = ".mp3"

// key is the recording's place in the bucket, for people to find by
// organization and day: <org>/<yyyy>/<mm>/<dd>/<CallSid>/<RecordingSid>.mp3,
// the day by the recording's start in UTC. The same event always gives the
// same key.
func (j *job) key() string {
	at := j.event.OccurredAt
	if j.recording.StartedAt != nil {
		at = *j.recording.StartedAt
	}
	return fmt.Sprintf("%s/%s/%s/%s%s", j.account.OrganizationID, at.UTC().Format("2006/01/02"),
		j.recording.CallSID, j.recording.RecordingSID, audioExtension)
}

// facts is the document beside the audio: whoever has the bucket alone still
// knows what each recording is.
type facts struct {
	AccountSID     string                `json:"account_sid"`
	OrganizationID string                `json:"organization_id"`
	Direction      schema.Direction      `json:"direction,omitempty"`
	PhoneNumber    string                `json:"phone_number,omitempty"`
	Call           schema.CallFacts      `json:"call"`
	Decision       *schema.Decision      `json:"decision,omitempty"`
	Recording      schema.RecordingFacts `json:"recording"`
	Object         schema.Object         `json:"object"`
	Quarantined    bool                  `json:"quarantined"`
	ArchivedAt     time.Time             `json:"archived_at"`
}

// factsKey is the place of the facts beside the audio at key.
func factsKey(key string) string { return strings.TrimSuffix(key, audioExtension) + ".json" }

// describe writes what is known of the call beside its audio.
func (c *Consumer) describe(ctx context.Context, j *job, object schema.Object) error {
	call, err := c.Calls.CallRecord(ctx, j.account.OrganizationID, j.recording.CallSID)
	if err != nil {
		return fmt.Errorf("read call %s: %w", j.recording.CallSID, err)
	}
	document, err := json.MarshalIndent(facts{
		AccountSID:     j.account.AccountSID,
		OrganizationID: j.account.OrganizationID,
		Direction:      call.Direction,
		PhoneNumber:    call.PhoneNumber,
		Call:           call.CallFacts,
		Decision:       call.Decision,
		Recording:      j.recording,
		Object:         object,
		Quarantined:    j.quarantined,
		ArchivedAt:     c.Now().UTC(),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("describe recording %s: %w", j.recording.RecordingSID, err)
	}
	key := factsKey(object.Key)
	if _, err := c.Objects.Put(ctx, key, bytes.NewReader(document), int64(len(document)), "application/json"); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}
