package eventsink

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// store keeps what is known of an organization's event streaming. Settings that
// do not exist yet are [schema.NotFound].
type store interface {
	Settings(ctx context.Context, orgID string) (schema.Settings, error)
	AccountByOrganization(ctx context.Context, orgID string) (schema.Account, error)
	SaveEventStreaming(ctx context.Context, orgID string, kind schema.EventKind, s schema.EventStreaming) error
}

// locks makes operations take turns, across processes. The context that fn is
// given ends when its turn does.
type locks interface {
	Exclusive(ctx context.Context, name string, fn func(context.Context) error) error
}

// Config is what the sinks work on. Only TestWait and Logger may be left out.
type Config struct {
	Store   store
	Locks   locks
	Twilio  twilio
	BaseURL string // where Twilio reaches callstream, as https://calls.example.com

	TestWait time.Duration // how long to wait for Twilio's test event; default 10 s
	Logger   *slog.Logger  // default: discards
}

// Sinks sets up, updates, removes and checks organizations' event sinks. It may
// be used by any number of goroutines.
type Sinks struct {
	config Config
}

// New returns Sinks of config.
func New(config Config) *Sinks {
	if config.TestWait <= 0 {
		config.TestWait = 10 * time.Second
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sinks{config: config}
}

// errand is one operation's business: an organization's events of a kind.
type errand struct {
	Config
	org         string
	kind        schema.EventKind
	account     schema.Account
	stored      schema.EventStreaming
	destination string
}

// mark is the description of what is ours at Twilio. What other installations
// make has the same one if their organization's id is the same, so it never
// counts without our URL.
func (e *errand) mark() string { return "callstream " + e.org + " " + string(e.kind) }

// save stores what is known now.
func (e *errand) save(ctx context.Context, s schema.EventStreaming) error {
	if err := e.Store.SaveEventStreaming(ctx, e.org, e.kind, s); err != nil {
		return err
	}
	e.stored = s
	return nil
}

// turn runs fn while nothing else is done about the organization's sinks. Both
// kinds take turns with each other too: they look at the same lists.
func (s *Sinks) turn(ctx context.Context, orgID string, kind schema.EventKind, fn func(context.Context) error) error {
	if !kind.Valid() {
		return schema.Errorf(schema.Invalid, "%q is no kind of events: it is sms or call", kind)
	}
	return s.config.Locks.Exclusive(ctx, "eventsink:"+strings.ToLower(orgID), fn) // ids are UUIDs, in either case
}

// errand reads what the operation needs, after its turn has come. The
// organization's id is the one that is stored: it becomes part of the URL.
func (s *Sinks) errand(ctx context.Context, orgID string, kind schema.EventKind) (*errand, error) {
	if s.config.BaseURL == "" {
		return nil, schema.Errorf(schema.Invalid, "where should Twilio deliver to? Set APP_HOST to the host name at which the internet reaches callstream")
	}
	settings, err := s.config.Store.Settings(ctx, orgID)
	if err != nil {
		return nil, err
	}
	account, err := s.config.Store.AccountByOrganization(ctx, orgID)
	if err != nil {
		return nil, err
	}
	org := account.OrganizationID
	return &errand{
		Config: s.config, org: org, kind: kind, account: account,
		stored: settings.Events(kind), destination: destination(s.config.BaseURL, org, kind),
	}, nil
}

// explained adds to a refusal of the credentials what Twilio does not say: that
// they may be good elsewhere.
func explained(a schema.Account, err error) error {
	if schema.CodeOf(err) != schema.Unauthorized || a.Region == "" || a.Region == "us1" {
		return err
	}
	return schema.Errorf(schema.Unauthorized,
		"%w; Twilio has Event Streams in its region us1 only, and auth tokens of their own for each region, "+
			"while the settings are for region %s: the token of us1 is needed", err, a.Region)
}
