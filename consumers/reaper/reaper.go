package reaper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/loquent/callstream/pkg/lease"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

const (
	leaseTTL  = 30 * time.Second
	heldPause = 5 * time.Second // between looks at a recording that another worker deletes
)

// accounts says how far an organization lets callstream go.
type accounts interface {
	AccountBySID(ctx context.Context, accountSID string) (schema.Account, error)
}

// recordings keeps the recordings and the calls' timelines.
type recordings interface {
	Recording(ctx context.Context, recordingSID string) (schema.RecordingRecord, error)
	SaveDeletion(ctx context.Context, receipt schema.DeletionReceipt) error
	AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error
}

// remover deletes at Twilio; alreadyGone says that there was nothing left.
type remover interface {
	DeleteRecording(ctx context.Context, a schema.Account, recordingSID string) (alreadyGone bool, err error)
}

// Config is what the consumer works with.
type Config struct {
	Accounts   accounts
	Recordings recordings
	Leases     lease.Holder
	Twilio     remover               // nil: nothing is ever deleted, as in a replay without permission
	Now        func() time.Time      // nil: time.Now
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the counts are not exposed
}

// Consumer deletes recordings at Twilio.
type Consumer struct {
	Config
	deleted prometheus.Counter
	failed  prometheus.Counter
}

// New returns a Consumer.
func New(config Config) *Consumer {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	factory := promauto.With(config.Registerer)
	return &Consumer{
		Config: config,
		deleted: factory.NewCounter(prometheus.CounterOpts{
			Name: "callstream_deletions_total",
			Help: "Recordings deleted at Twilio, or found gone there.",
		}),
		failed: factory.NewCounter(prometheus.CounterOpts{
			Name: "callstream_deletions_failed_total",
			Help: "Deletions at Twilio that failed and are tried again.",
		}),
	}
}

// Handle deletes the recording at Twilio if it passes the gate. It returns nil
// once the receipt is stored or the recording is to stay; a snooze while
// another worker deletes it; a terminal error for an account that belongs to
// nobody; any other error to be tried again.
func (c *Consumer) Handle(ctx context.Context, event schema.RecordingTranscribed) error {
	if err := schema.CheckSID("recording", event.Recording.RecordingSID, schema.RecordingPrefix); err != nil {
		return stream.Terminal(err)
	}
	account, err := c.Accounts.AccountBySID(ctx, event.AccountSID)
	if schema.CodeOf(err) == schema.NotFound {
		return stream.Terminal(schema.Errorf(schema.Refused, "recording %s: account %s belongs to no organization (was it removed?): %w",
			event.Recording.RecordingSID, event.AccountSID, err))
	}
	if err != nil {
		return fmt.Errorf("read account %s: %w", event.AccountSID, err)
	}
	err = lease.Hold(ctx, c.Leases, "deletion:"+event.Recording.RecordingSID, leaseTTL, func(ctx context.Context) error {
		return c.process(ctx, event, account)
	})
	if errors.Is(err, lease.ErrHeld) {
		return stream.Snooze(heldPause, "another worker deletes this recording")
	}
	return err
}

// process reads the row, asks the gate and deletes.
func (c *Consumer) process(ctx context.Context, event schema.RecordingTranscribed, account schema.Account) error {
	record, err := c.Recordings.Recording(ctx, event.Recording.RecordingSID)
	if err != nil {
		return fmt.Errorf("read recording %s: %w", event.Recording.RecordingSID, err)
	}
	if record.Receipt != nil { // perhaps by a process that died before it could tell
		return c.tell(ctx, event, "deleted at Twilio")
	}
	if c.Twilio == nil || !stream.DeliveryFrom(ctx).MayAct() {
		c.Logger.InfoContext(ctx, "deletion not permitted here", "recording_sid", record.RecordingSID)
		return nil
	}
	if reason := keep(record, event.Skipped, account.Delete); reason != "" {
		return c.tell(ctx, event, "kept at Twilio: "+reason)
	}
	return c.remove(ctx, event, account, record)
}

// keep returns why the recording must stay at Twilio, or nothing.
func keep(r schema.RecordingRecord, skipped bool, policy schema.DeletePolicy) string {
	switch {
	case r.Object == nil || r.ArchivedAt == nil:
		return "no proven copy"
	case r.Quarantined:
		return "quarantined"
	case r.Transcript == nil && !skipped:
		return "no transcript stored"
	case policy == schema.DeleteArchived, policy == schema.DeleteOwn && r.Own:
		return ""
	case policy == schema.DeleteOwn:
		return "the organization deletes only what callstream recorded"
	}
	return "the organization deletes nothing" // also by a policy that this version does not know
}

// remove deletes at Twilio and stores the receipt. If the process dies between
// the two, the next attempt finds the recording gone and stores it then.
func (c *Consumer) remove(ctx context.Context, event schema.RecordingTranscribed, account schema.Account, record schema.RecordingRecord) error {
	alreadyGone, err := c.Twilio.DeleteRecording(ctx, account, record.RecordingSID)
	if err != nil {
		c.failed.Inc()
		c.Logger.WarnContext(ctx, "recording not deleted at Twilio, will be tried again", "recording_sid", record.RecordingSID,
			"call_sid", record.CallSID, "org", account.OrganizationID, "error", err)
		return fmt.Errorf("delete %s at Twilio: %w", record.RecordingSID, err)
	}
	err = c.Recordings.SaveDeletion(ctx, schema.DeletionReceipt{
		RecordingSID: record.RecordingSID,
		CallSID:      record.CallSID,
		AlreadyGone:  alreadyGone,
		Object:       *record.Object,
		DeletedAt:    c.Now().UTC(),
	})
	if err != nil {
		return fmt.Errorf("store the deletion receipt of %s: %w", record.RecordingSID, err)
	}
	c.deleted.Inc()
	if alreadyGone {
		return c.tell(ctx, event, "gone at Twilio already")
	}
	return c.tell(ctx, event, "deleted at Twilio")
}

// tell adds the event, with what came of it, to the call's timeline.
func (c *Consumer) tell(ctx context.Context, event schema.RecordingTranscribed, detail string) error {
	delivery := stream.DeliveryFrom(ctx)
	if err := c.Recordings.AddTimeline(ctx, schema.Entry(event, delivery.Sequence, delivery.StoredAt, detail)); err != nil {
		return fmt.Errorf("add %s to the timeline: %w", event.MsgID(), err)
	}
	return nil
}
