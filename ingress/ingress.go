package ingress

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// The routes that Twilio reaches.
const (
	RouteEvents     = "/twilio/events"
	RouteCallStatus = "/twilio/call-status"
	RouteRecording  = "/twilio/recording"
	RouteVoice      = "/twilio/voice"
)

// Publisher stores events and dead letters. Both methods return nil only when
// everything is acknowledged and durable, and keep within ctx's time.
type Publisher interface {
	Publish(ctx context.Context, events ...schema.Event) error
	DeadLetter(ctx context.Context, letters ...schema.DeadLetter) error
}

// Accounts finds the account that a request has to be signed by. The error is
// [schema.NotFound] when there is positively none, anything else when that
// cannot be said now.
type Accounts interface {
	AccountByOrganization(ctx context.Context, organizationID string) (schema.Account, error)
	AccountBySID(ctx context.Context, accountSID string) (schema.Account, error)
}

// Config is what an Ingress needs. The first three have no default.
type Config struct {
	Publisher Publisher
	Accounts  Accounts

	// Verify returns nil when the request is signed with one of the tokens, and
	// [schema.Forbidden] or [schema.Invalid] when it is not. Any other error
	// leaves that open. It does not read the request's body, which is body.
	Verify func(tokens []string, r *http.Request, body []byte) error

	// SinkTests is told of Twilio's test events; nil: nobody is.
	SinkTests SinkTests

	// What calls are answered with, by [RouteVoice]. TwiML writes an answer; if
	// it is nil the route is not served, otherwise it needs the other three.
	TwiML     func(schema.VoiceAnswer) (string, error)
	BaseURL   string // what precedes the paths of the URLs that Twilio is given, as https://calls.example.com
	Plans     VoicePlans
	Decisions Decisions

	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // default: none

	Clock       func() time.Time // default: time.Now
	MaxBody     int64            // bytes of a request's body; default 1 MiB
	Budget      time.Duration    // from a request's head to its answer; default 3 s, of the 5 s that Twilio waits
	MaxInFlight int              // requests at a time that have arrived; default 2000, of which one account may hold three quarters
	MaxArriving int64            // bytes of bodies that are on their way; default 128 MiB
}

// Ingress serves Twilio's requests. It may be used by any number of goroutines.
type Ingress struct {
	config   Config
	mux      *http.ServeMux
	accounts *accounts
	plans    *plans
	gate     *gate
	intake   intake
	metrics  *metrics
	quiet    *quiet
}

// New returns an Ingress, or an error that names what config lacks.
func New(config Config) (*Ingress, error) {
	if config.Publisher == nil || config.Accounts == nil || config.Verify == nil {
		return nil, errors.New("ingress needs a publisher, accounts and a way to verify signatures")
	}
	if config.TwiML != nil && (config.BaseURL == "" || config.Plans == nil || config.Decisions == nil) {
		return nil, errors.New("ingress needs its public address, voice plans and decisions to answer calls")
	}
	config = config.withDefaults()
	metrics, err := newMetrics(config.Registerer)
	if err != nil {
		return nil, err
	}
	i := &Ingress{
		config:   config,
		mux:      http.NewServeMux(),
		accounts: newAccounts(config.Accounts, config.Clock),
		plans:    newPlans(config.Plans, config.Clock),
		gate:     newGate(config.MaxInFlight),
		intake:   intake{left: config.MaxArriving},
		metrics:  metrics,
		quiet:    newQuiet(),
	}
	for _, r := range routes {
		i.mux.Handle("POST "+r.path, i.handler(r))
	}
	if config.TwiML != nil {
		i.mux.HandleFunc("POST "+RouteVoice, i.serveVoice)
	}
	return i, nil
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 20
	}
	if c.Budget == 0 {
		c.Budget = 3 * time.Second
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 2000
	}
	if c.MaxArriving == 0 {
		c.MaxArriving = 128 << 20
	}
	return c
}

// ServeHTTP answers a request by its route: 404 for another path, 405 for
// another method than POST.
func (i *Ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }
