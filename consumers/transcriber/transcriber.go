package transcriber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/loquent/callstream/pkg/lease"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

const (
	leaseTTL   = time.Minute
	heldPause  = 5 * time.Second // between looks at a recording that another worker transcribes
	sharePause = 2 * time.Second // between a tenant's tries for a worker while others have work
)

// accounts says what an organization wants.
type accounts interface {
	AccountBySID(ctx context.Context, accountSID string) (schema.Account, error)
}

// recordings keeps the recordings and the calls' timelines. SaveTranscript
// replaces an earlier transcript at once.
type recordings interface {
	Recording(ctx context.Context, recordingSID string) (schema.RecordingRecord, error)
	SaveTranscript(ctx context.Context, recordingSID string, t schema.Transcript) error
	AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error
}

// objects is the bucket with the copies. Get returns the object's bytes and
// how many there are; the caller closes them.
type objects interface {
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// listener turns size bytes of audio into text.
type listener interface {
	Transcribe(ctx context.Context, audio io.Reader, size int64) (schema.Transcript, error)
}

// publisher raises events; it returns once the stream has stored them.
type publisher interface {
	Publish(ctx context.Context, events ...schema.Event) error
}

// Config is what the consumer works with.
type Config struct {
	Accounts   accounts
	Recordings recordings
	Leases     lease.Holder
	Objects    objects
	Whisper    listener
	Publisher  publisher
	Workers    int                   // of this process, to share between organizations; below 2: no shares
	Now        func() time.Time      // nil: time.Now
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the counts are not exposed
}

// Consumer transcribes recordings.
type Consumer struct {
	Config
	shares  *lease.Shares
	seconds prometheus.Counter
	delay   prometheus.Histogram
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
		seconds: promauto.With(config.Registerer).NewCounter(prometheus.CounterOpts{
			Name: "callstream_transcribed_seconds_total",
			Help: "Seconds of audio turned into text.",
		}),
		delay: promauto.With(config.Registerer).NewHistogram(prometheus.HistogramOpts{
			Name:    "callstream_hangup_to_transcript_seconds",
			Help:    "From a recording's end to its stored transcript.",
			Buckets: prometheus.ExponentialBuckets(0.5, 2, 16),
		}),
	}
}

// Handle transcribes the recording. It returns nil once the transcript is
// stored and the next stage told; a snooze while another worker transcribes it
// or its organization has its share of the workers; a terminal error when the
// service refuses the audio or the account belongs to nobody; any other error
// to be tried again.
func (c *Consumer) Handle(ctx context.Context, event schema.RecordingArchived) error {
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
	release, ok := c.shares.Take(account.OrganizationID)
	if !ok {
		return stream.Snooze(sharePause, "the organization has its share of the workers")
	}
	defer release()
	err = lease.Hold(ctx, c.Leases, "transcript:"+event.Recording.RecordingSID, leaseTTL, func(ctx context.Context) error {
		return c.process(ctx, event, account)
	})
	if errors.Is(err, lease.ErrHeld) {
		return stream.Snooze(heldPause, "another worker transcribes this recording")
	}
	return err
}
