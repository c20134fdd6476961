package archiver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/lease"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

const (
	leaseTTL   = time.Minute
	heldPause  = 5 * time.Second // between looks at a recording that another worker copies
	sharePause = 2 * time.Second // between a tenant's tries for a worker while others have work
)

// accounts says whose an account and its numbers are.
type accounts interface {
	AccountBySID(ctx context.Context, accountSID string) (schema.Account, error)
	ResolvePhoneAndDirection(ctx context.Context, queries []schema.PhoneQuery) ([]schema.Resolution, error)
}

// calls keeps the calls' rows.
type calls interface {
	CallStatus(ctx context.Context, callSID string) (schema.CallStatus, error)
	MergeCalls(ctx context.Context, updates []schema.CallUpdate) ([]bool, error)
	CallRecord(ctx context.Context, orgID, callSID string) (schema.CallRecord, error)
}

// recordings keeps the recordings' rows. SaveRecording merges; MarkArchived
// also sets the call's URL.
type recordings interface {
	Recording(ctx context.Context, recordingSID string) (schema.RecordingRecord, error)
	SaveRecording(ctx context.Context, accountSID, orgID string, f schema.RecordingFacts, quarantined bool) error
	MarkArchived(ctx context.Context, recordingSID string, o schema.Object) error
}

// history is what was decided on a call, and what happened to it.
type history interface {
	Decision(ctx context.Context, callSID string) (schema.Decision, error)
	AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error
}

// twilio has the calls and the audio.
type twilio interface {
	FetchCall(ctx context.Context, a schema.Account, callSID string) (schema.CallFacts, error)
	FetchRecording(ctx context.Context, a schema.Account, recordingSID string) (schema.RecordingFacts, error)
	DownloadMedia(ctx context.Context, a schema.Account, recordingSID string) (schema.Media, error)
}

// publisher raises events; it returns once the stream has stored them.
type publisher interface {
	Publish(ctx context.Context, events ...schema.Event) error
}

// Config is what the consumer works with.
type Config struct {
	Accounts   accounts
	Calls      calls
	Recordings recordings
	History    history
	Leases     lease.Holder
	Twilio     twilio
	Objects    objects
	Publisher  publisher
	Copies     copies                // the bucket again, to read from; only replays do; nil: they find no copies
	Earlier    copies                // a bucket that copies lay in before; only forced replays read it; nil: there is none
	Restore    restorer              // for replays; without it they restore no decisions and replace no copies
	Workers    int                   // of this process, to share between organizations; below 2: no shares
	Now        func() time.Time      // nil: time.Now
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the counts are not exposed
}

// Consumer archives recordings.
type Consumer struct {
	Config
	shares *lease.Shares
	counts counts
}

// New returns a Consumer.
func New(config Config) *Consumer {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Consumer{
		Config: config,
		shares: lease.NewShares(config.Workers, config.Now),
		counts: newCounts(config.Registerer),
	}
}

// Handle brings the recording to its end: a proven copy, or a stored reason why
// there is none. It returns a snooze while another worker has the recording or
// its organization has its share of the workers, a retry while Twilio does not
// have the audio ready, a terminal error for an account that belongs to nobody,
// and [schema.Corrupt] for content that is not the recording; a repeat may heal
// that.
func (c *Consumer) Handle(ctx context.Context, event schema.RecordingProcessed) error {
	if err := check(event); err != nil {
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
	release, ok := c.shares.Take(account.OrganizationID)
	if !ok {
		return stream.Snooze(sharePause, "the organization has its share of the workers")
	}
	defer release()
	j := &job{event: event, account: account, recording: event.Recording}
	err = lease.Hold(ctx, c.Leases, "recording:"+j.recording.RecordingSID, leaseTTL, func(ctx context.Context) error { return c.process(ctx, j) })
	if errors.Is(err, lease.ErrHeld) {
		return stream.Snooze(heldPause, "another worker copies this recording")
	}
	return err
}

// check lets only SIDs through from which addresses and keys may be built. The
// call may be missing: Twilio is asked for it.
func check(event schema.RecordingProcessed) error {
	if event.Recording.CallSID != "" {
		if err := schema.CheckSID("call", event.Recording.CallSID, schema.CallPrefix); err != nil {
			return err
		}
	}
	return errors.Join(
		schema.CheckSID("account", event.AccountSID, schema.AccountPrefix),
		schema.CheckSID("recording", event.Recording.RecordingSID, schema.RecordingPrefix),
	)
}
