package recorder

import (
	"cmp"
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

// MaxAge is how old an event may be, by default, for a recording to start on
// its word.
const MaxAge = 2 * time.Minute

const (
	leaseTTL  = 15 * time.Second      // a killed worker's call waits no longer than this
	heldPause = time.Second           // between looks at a call that another worker decides on
	rowSoon   = 50 * time.Millisecond // how long a worker waits for the news of the call
	rowLook   = 2 * time.Millisecond  // between its looks
	rowPause  = 200 * time.Millisecond
	rowWait   = 3 * time.Second // how long a recording is put off for the news of the call
)

// settings says whose an account is and whether its calls are recorded.
type settings interface {
	AccountBySID(ctx context.Context, accountSID string) (schema.Account, error)
	IsRecordingEnabled(ctx context.Context, query schema.PhoneQuery) schema.RecordingCheck
}

// decisions keeps one decision per call. SaveDecision returns what is stored
// then: a final decision is never replaced.
type decisions interface {
	Decision(ctx context.Context, callSID string) (schema.Decision, error)
	SaveDecision(ctx context.Context, accountSID, orgID string, d schema.Decision) (schema.Decision, error)
}

// calls keeps what is known of calls.
type calls interface {
	CallStatus(ctx context.Context, callSID string) (schema.CallStatus, error)
	SaveRecording(ctx context.Context, accountSID, orgID string, f schema.RecordingFacts, quarantined bool) error
	AddTimeline(ctx context.Context, entries ...schema.TimelineEntry) error
}

// records reads all that is known of a call, for an empty organization whoever's
// it is.
type records interface {
	CallRecord(ctx context.Context, orgID, callSID string) (schema.CallRecord, error)
}

// twilio looks things up.
type twilio interface {
	FetchCall(ctx context.Context, a schema.Account, callSID string) (schema.CallFacts, error)
	ListCallRecordings(ctx context.Context, a schema.Account, callSID string) ([]schema.RecordingFacts, error)
}

// starter starts recordings.
type starter interface {
	StartCallRecording(ctx context.Context, a schema.Account, callSID, callbackURL string) (schema.RecordingFacts, error)
}

// Config is what the consumer works with.
type Config struct {
	Settings    settings
	Decisions   decisions
	Calls       calls
	Records     records
	Leases      lease.Holder
	Twilio      twilio
	Starter     starter                            // nil: nothing is ever started, as in a replay without permission
	CallbackURL func(organizationID string) string // where Twilio reports the recording
	MaxAge      time.Duration                      // zero: [MaxAge]
	Now         func() time.Time                   // nil: time.Now
	Logger      *slog.Logger                       // nil: silence
	Registerer  prometheus.Registerer              // nil: the counts are not exposed
}

// Consumer decides on recordings.
type Consumer struct {
	Config
	decided *prometheus.CounterVec
}

// New returns a Consumer.
func New(config Config) *Consumer {
	config.MaxAge = cmp.Or(config.MaxAge, MaxAge)
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Consumer{
		Config: config,
		decided: promauto.With(config.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "callstream_recording_decisions_total",
			Help: "Answered calls by what was decided and by which rule.",
		}, []string{"outcome", "rule"}),
	}
}

// Handle decides on the call that the event says is answered. It returns nil
// once a final decision is stored, a snooze while another worker decides or the
// call's row is on its way, a short retry while Twilio does not answer and the
// call may still live, and a terminal error when Twilio refuses for good (with
// the decision stored). In a replay that may not act it only reads.
func (c *Consumer) Handle(ctx context.Context, event schema.CallAnswered) error {
	for _, sid := range []string{event.Call.CallSID, cmp.Or(event.Call.ParentCallSID, event.Call.CallSID)} {
		if err := schema.CheckSID("call", sid, schema.CallPrefix); err != nil {
			return stream.Terminal(err)
		}
	}
	if !stream.DeliveryFrom(ctx).MayAct() {
		return c.remember(ctx, c.newWork(event))
	}
	switch early, err := c.early(ctx, event); {
	case err != nil:
		return err
	case early:
		return stream.Snooze(rowPause, "the news of the call is not stored yet")
	}
	w := c.newWork(event)
	err := lease.Hold(ctx, c.Leases, "call:"+w.callSID, leaseTTL, func(ctx context.Context) error { return c.decide(ctx, w) })
	if errors.Is(err, lease.ErrHeld) {
		return stream.Snooze(heldPause, "another worker decides on this call")
	}
	return err
}

// early reports whether the consumer of calls has yet to store this very event.
// A call that our own TwiML answered has its decision from an event before this
// one; by the time that this one has a row, that decision is stored too. Only
// inbound calls and their dialled legs can be such, and the wait is short: with
// nobody storing calls, Twilio's list still guards against a second recording.
func (c *Consumer) early(ctx context.Context, event schema.CallAnswered) (bool, error) {
	if event.Call.ParentCallSID == "" && event.Call.Leg != schema.LegInbound {
		return false, nil
	}
	// The row is written by others at this very moment: mostly a short wait spares
	// a long one.
	soon := time.NewTimer(rowSoon)
	defer soon.Stop()
	for {
		known, err := c.known(ctx, event.Call.CallSID)
		switch waited := c.Now().Sub(stream.DeliveryFrom(ctx).StoredAt); {
		case err != nil:
			return false, err
		case known, waited > rowWait:
			return false, nil
		case waited > rowSoon:
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-soon.C:
			return true, nil
		case <-time.After(rowLook):
		}
	}
}

// known reports whether the call has a row.
func (c *Consumer) known(ctx context.Context, callSID string) (bool, error) {
	_, err := c.Calls.CallStatus(ctx, callSID)
	if schema.CodeOf(err) == schema.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for call %s: %w", callSID, err)
	}
	return true, nil
}
