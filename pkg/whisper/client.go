package whisper

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sashabaranov/go-openai"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/schema"
)

// Config says which service transcribes, and how.
type Config struct {
	BaseURL   string            // ends in /v1; empty: OpenAI's
	APIKey    string            // may be empty for a service of one's own
	Model     string            // empty: whisper-1
	Transport http.RoundTripper // nil: http.DefaultTransport

	// Wrap returns what requests go through in place of the transport, as a tracer
	// does that goes around it; nil: the transport itself.
	Wrap func(http.RoundTripper) http.RoundTripper

	MaxUpload  int64         // bytes of one request, its form included; 0: 26,214,400, OpenAI's cap
	Patience   time.Duration // what a request may take on top of the length of its audio; 0: two minutes
	Logger     *slog.Logger  // nil: silent
	Registerer prometheus.Registerer
}

const (
	defaultBaseURL   = "https://api.openai.com/v1"
	defaultMaxUpload = 25 << 20
	defaultPatience  = 2 * time.Minute

	// formSize is more than the form around the audio takes.
	formSize = 4 << 10
	// minUpload leaves room for any single frame.
	minUpload = formSize + 2<<10

	// untimedPart bounds the parts for models that name no times, so that
	// their text still has some. It also keeps a part within the 1,400 seconds
	// that OpenAI's gpt-4o-transcribe models take, and its text within the
	// 2,000 tokens that they give.
	untimedPart = 5 * time.Minute
)

// Client transcribes recordings. It is safe for concurrent use.
type Client struct {
	api      *openai.Client
	model    string
	limit    mp3.Limit
	patience time.Duration
	log      *slog.Logger
	metrics  *metrics
}

// New makes a client; it sends nothing. Errors: schema.Invalid for a
// configuration that cannot work.
func New(c Config) (*Client, error) {
	base := cmp.Or(c.BaseURL, defaultBaseURL)
	if err := checkURL(base); err != nil {
		return nil, err
	}
	if base == defaultBaseURL && c.APIKey == "" {
		return nil, schema.Errorf(schema.Invalid, "OpenAI needs a key; set OPENAI_API_KEY, or OPENAI_BASE_URL to a service of your own")
	}
	upload := cmp.Or(c.MaxUpload, defaultMaxUpload)
	if upload < minUpload {
		return nil, schema.Errorf(schema.Invalid, "uploads of at most %d bytes leave no room for audio; allow %d", upload, minUpload)
	}
	metrics, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, schema.Errorf(schema.Internal, "register metrics: %w", err)
	}
	config := openai.DefaultConfig(c.APIKey)
	config.BaseURL = base
	config.HTTPClient = &http.Client{Transport: &transport{next: c.transport()}, CheckRedirect: stay}
	client := &Client{
		api:      openai.NewClientWithConfig(config),
		model:    cmp.Or(c.Model, openai.Whisper1),
		limit:    mp3.Limit{Bytes: int(upload - formSize)},
		patience: cmp.Or(c.Patience, defaultPatience),
		log:      cmp.Or(c.Logger, slog.New(slog.DiscardHandler)),
		metrics:  metrics,
	}
	if !client.timed() {
		client.limit.Duration = untimedPart
	}
	return client, nil
}

// transport returns what requests go through.
func (c Config) transport() http.RoundTripper {
	transport := cmp.Or(c.Transport, http.DefaultTransport)
	if c.Wrap != nil {
		return c.Wrap(transport)
	}
	return transport
}

func checkURL(base string) error {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return schema.Errorf(schema.Invalid, "OPENAI_BASE_URL is not an http or https URL such as %s", defaultBaseURL) // not repeated: it may hold a key
	}
	return nil
}

// timed reports whether the model gives segments with times. OpenAI's
// gpt-...-transcribe models refuse the format that has them, verbose_json;
// whisper-1 and the models of other services give it.
func (c *Client) timed() bool { return !strings.HasPrefix(c.model, "gpt-") }
