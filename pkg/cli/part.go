package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/pipeline"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/telemetry"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/pkg/whisper"
)

// closeTime bounds the closing of each part.
const closeTime = 10 * time.Second

// parts are the dependencies that a process has opened. A role opens those it
// needs; the others stay nil. close closes them, the last opened first.
type parts struct {
	log      *slog.Logger
	registry *prometheus.Registry
	tracing  *telemetry.Tracing // the process's, which closes it
	base     string             // public base URL, where the role needs one

	keyring *secrets.Keyring // nil in roles that never read a token
	db      *postgres.DB
	conn    *stream.Conn
	aside   bool              // conn is not what this process is for: it is ready without
	history *pipeline.History // of the pipeline; nil: nobody plots it
	objects *s3.Store
	earlier *s3.Store // a bucket that recordings lay in before; only replays read it
	twilio  *twilio.Client
	whisper *whisper.Client

	closers []func(context.Context) error
}

// inProcess is an embedded broker that connections reach without a network.
type inProcess interface {
	InProcessConn() (net.Conn, error)
}

// tracerName says in each span who made it.
const tracerName = "github.com/loquent/callstream/pkg/stream"

// newParts returns parts with nothing open.
func newParts(proc *process) *parts {
	return &parts{log: proc.log, registry: telemetry.NewRegistry(), tracing: proc.tracing}
}

// onClose has fn called by close, before everything that was opened earlier.
func (p *parts) onClose(fn func(context.Context) error) { p.closers = append(p.closers, fn) }

// close closes what was opened, in reverse, each within closeTime.
func (p *parts) close(ctx context.Context) error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		each, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		errs = append(errs, p.closers[i](each))
		cancel()
	}
	p.closers = nil
	return errors.Join(errs...)
}

// openDatabase connects to Postgres. secret may be empty for a role that never
// reads a token.
func (p *parts) openDatabase(ctx context.Context, c databaseConfig, secret string) error {
	options := postgres.Options{Logger: p.log}
	if secret != "" {
		keyring, err := secrets.Parse(secret)
		if err != nil {
			return fmt.Errorf("CALLSTREAM_SECRET_KEY: %w", err)
		}
		p.keyring, options.Sealer = keyring, keyring
	}
	db, err := postgres.Open(ctx, c.DatabaseURL, options)
	if err != nil {
		return fmt.Errorf("open DATABASE_URL: %w", err)
	}
	p.db = db
	p.onClose(func(context.Context) error { db.Close(); return nil })
	return nil
}

// openStream connects to NATS; broker is the embedded server, or nil.
func (p *parts) openStream(ctx context.Context, c natsConfig, name string, broker inProcess) error {
	return p.connect(ctx, c, stream.Config{Name: "callstream " + name, InProcess: broker})
}

// openStreamAside connects to NATS for a process that has other work than
// that: it starts and is ready while NATS is away.
func (p *parts) openStreamAside(ctx context.Context, c natsConfig, name string) error {
	p.aside = true
	return p.connect(ctx, c, stream.Config{Name: "callstream " + name, Later: true})
}

// connect connects to NATS as c says.
func (p *parts) connect(ctx context.Context, c natsConfig, config stream.Config) error {
	config.URL, config.CredsFile = c.NATSURL, c.NATSCreds
	config.CAFile, config.CertFile, config.KeyFile = c.NATSCA, c.NATSCert, c.NATSKey
	config.Logger, config.Registerer, config.Tracer = p.log, p.registry, p.tracing.Tracer(tracerName)
	conn, err := stream.Connect(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to NATS_URL: %w", err)
	}
	p.conn = conn
	p.onClose(conn.Close)
	return nil
}

// checkStream refuses to work on streams that are not as this version declares
// them.
func (p *parts) checkStream(ctx context.Context, replicas int) error {
	drift, err := p.conn.Check(ctx, stream.DefaultSettings(replicas), consumers.Table())
	if err != nil {
		return fmt.Errorf("check streams: %w", err)
	}
	var errs []error
	for _, d := range drift {
		errs = append(errs, errors.New(d.String()))
	}
	if len(errs) > 0 {
		return fmt.Errorf("the streams differ from what this version declares; run callstream streams apply:\n%w", errors.Join(errs...))
	}
	return nil
}

// openBucket connects to S3; create is for the embedded server, whose bucket
// nobody else makes.
func (p *parts) openBucket(ctx context.Context, c bucketConfig, create bool) error {
	store, err := s3.Open(ctx, s3.Config{
		Endpoint:     c.S3Endpoint,
		Bucket:       c.S3Bucket,
		Region:       c.S3Region,
		AccessKey:    c.S3AccessKey,
		SecretKey:    c.S3SecretKey,
		CreateBucket: create,
		Wrap:         p.tracing.Transport,
		Registerer:   p.registry,
	})
	if err != nil {
		return fmt.Errorf("open bucket %s: %w", c.S3Bucket, err)
	}
	p.objects = store
	return nil
}

// openEarlierBucket opens another bucket with the same server and key.
func (p *parts) openEarlierBucket(ctx context.Context, c bucketConfig, name string) error {
	now := p.objects
	c.S3Bucket = name
	err := p.openBucket(ctx, c, false)
	p.objects, p.earlier = now, p.objects
	return err
}

// openTwilio makes the Twilio client; accounts come with each call.
func (p *parts) openTwilio(c twilioConfig) error {
	client, err := twilio.New(twilio.Config{
		APIURL:      c.TwilioAPIURL,
		EventsURL:   c.TwilioEventsURL,
		InsightsURL: c.TwilioInsightsURL,
		Wrap:        p.tracing.Transport,
		Logger:      p.log,
		Registerer:  p.registry,
	})
	if err != nil {
		return fmt.Errorf("TWILIO_API_URL, TWILIO_EVENTS_URL: %w", err)
	}
	p.twilio = client
	return nil
}

// openTranscription makes the transcription client.
func (p *parts) openTranscription(c transcriptionConfig) error {
	client, err := whisper.New(whisper.Config{
		BaseURL:    c.OpenAIBaseURL,
		APIKey:     c.OpenAIKey,
		Model:      c.WhisperModel,
		Wrap:       p.tracing.Transport,
		Logger:     p.log,
		Registerer: p.registry,
	})
	if err != nil {
		return fmt.Errorf("OPENAI_API_KEY, OPENAI_BASE_URL: %w", err)
	}
	p.whisper = client
	return nil
}

// health answers for every dependency that is open.
func (p *parts) health() *telemetry.Health {
	checks := map[string]telemetry.Check{}
	if p.db != nil {
		checks["database"] = p.db.Ping
	}
	if p.conn != nil && !p.aside {
		checks["nats"] = p.conn.Ready
	}
	if p.objects != nil {
		checks["bucket"] = p.objects.Ready
	}
	return telemetry.NewHealth(checks)
}
