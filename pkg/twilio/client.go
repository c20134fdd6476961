package twilio

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twilio/twilio-go/client"

	"github.com/loquent/callstream/schema"
)

// Twilio's own addresses, the defaults of [Config].
const (
	DefaultAPIURL      = "https://api.twilio.com"
	DefaultEventsURL   = "https://events.twilio.com"
	DefaultInsightsURL = "https://insights.twilio.com"
)

// Config says where Twilio is and how patient to be with it. The zero value is
// Twilio itself.
type Config struct {
	APIURL      string            // default DefaultAPIURL; http only where it is written here, for a double
	EventsURL   string            // default DefaultEventsURL
	InsightsURL string            // default DefaultInsightsURL; where EventsURL is not Twilio's own there is none
	Transport   http.RoundTripper // default: a pool of its own

	// Wrap returns what requests go through in place of the transport, as a tracer
	// does that goes around it; nil: the transport itself.
	Wrap func(http.RoundTripper) http.RoundTripper

	Timeout     time.Duration // per REST request, and until a download's first byte; default 10 s
	Stall       time.Duration // a download that brings nothing for so long is given up; default 30 s
	Concurrency int           // REST requests under way per account, and downloads as many again; default 10

	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // nil: no metrics
}

// Client acts at Twilio for any number of accounts. It is safe for concurrent
// use and holds nothing that needs closing.
type Client struct {
	config   Config
	api      *base
	events   *base
	insights *base
	limits   *limits
	metrics  *metrics
}

// New returns a client. The error names a setting that makes no sense.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	api, err := parseBase("TWILIO_API_URL", config.APIURL, DefaultAPIURL)
	if err != nil {
		return nil, err
	}
	events, err := parseBase("TWILIO_EVENTS_URL", config.EventsURL, DefaultEventsURL)
	if err != nil {
		return nil, err
	}
	insights, err := parseInsights(config.InsightsURL, events)
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(config.Registerer)
	if err != nil {
		return nil, err
	}
	return &Client{config: config, api: api, events: events, insights: insights, limits: newLimits(config.Concurrency), metrics: metrics}, nil
}

func (c Config) withDefaults() Config {
	if c.Transport == nil {
		c.Transport = newPool()
	}
	if c.Wrap != nil {
		c.Transport = c.Wrap(c.Transport)
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Stall <= 0 {
		c.Stall = 30 * time.Second
	}
	if c.Concurrency <= 0 {
		c.Concurrency = 10
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// newPool keeps as many idle connections to Twilio's one host as a busy
// process uses; the standard two would be opened and closed all the time.
func newPool() http.RoundTripper {
	pool := http.DefaultTransport.(*http.Transport).Clone()
	pool.MaxIdleConnsPerHost = 32
	return pool
}

// call makes one operation of the library for the account: it waits for one of
// the account's places, runs operate with a handler that is good for this one
// operation only, and classifies what comes back. An operation may be several
// requests, as the pages of a list are.
func call[T any](ctx context.Context, c *Client, a schema.Account, operation string, operate func(*client.RequestHandler) (T, error)) (result T, err error) {
	start := time.Now()
	defer func() { c.metrics.observe(operation, err, time.Since(start)) }()
	if err := checkCredentials(a); err != nil {
		return result, err
	}
	release, err := c.limits.rest(ctx, a.AccountSID)
	if err != nil {
		return result, err
	}
	defer release()
	result, err = operate(c.handler(ctx, a))
	if err != nil {
		return result, classified(err)
	}
	return result, nil
}

// handler returns a library client for one operation. It is built by hand
// because the library's constructors read TWILIO_* from the environment: the
// operator's credentials in place of blank ones, an edge, a region.
func (c *Client) handler(ctx context.Context, a schema.Account) *client.RequestHandler {
	library := &client.Client{
		Credentials: client.NewCredentials(a.AccountSID, tokens(a)[0]),
		HTTPClient:  &http.Client{Transport: &transport{client: c, ctx: ctx, account: a}},
	}
	library.SetAccountSid(a.AccountSID)
	return &client.RequestHandler{Client: library}
}

// checkCredentials refuses an account that cannot authenticate. Twilio's
// tokens are letters and digits; anything else is a pasting mistake.
func checkCredentials(a schema.Account) error {
	if !schema.ValidSID(a.AccountSID, schema.AccountPrefix) {
		return schema.Errorf(schema.Unauthorized, "organization %q has no Twilio account: enter its account SID in the Twilio settings", a.OrganizationID)
	}
	if err := checkRegion(a); err != nil {
		return err
	}
	if len(tokens(a)) == 0 {
		return schema.Errorf(schema.Unauthorized, "account %s has no auth token: enter it in the organization's Twilio settings", a.AccountSID)
	}
	for _, token := range tokens(a) {
		if !alphanumeric(token) {
			return schema.Errorf(schema.Unauthorized, "an auth token of account %s has characters that Twilio's never have: enter it again in the organization's Twilio settings", a.AccountSID)
		}
	}
	return nil
}

// tokens returns the account's tokens that are not blank, primary first.
func tokens(a schema.Account) []string {
	known := make([]string, 0, len(a.AuthTokens))
	for _, token := range a.AuthTokens {
		if token != "" {
			known = append(known, token)
		}
	}
	return known
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
