package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// Config says how to reach NATS.
type Config struct {
	URL         string // nats:// or tls://, comma separated
	CredsFile   string // empty: by the URL's user, or none
	CAFile      string // who signed the servers' certificates; empty: the system's
	CertFile    string // client certificate, with KeyFile
	KeyFile     string
	Name        string // as the server's tools show it
	InboxPrefix string // empty: _INBOX

	// InProcess is a server in this process; URL is then ignored.
	InProcess  interface{ InProcessConn() (net.Conn, error) }
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: the metrics are not exposed
}

// pendingAcks bounds the publishes of one request that are on their way; a
// larger window adds latency and no throughput.
const pendingAcks = 256

// Conn is a connection to NATS and its JetStream.
type Conn struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	log     *slog.Logger
	breaker breaker
	metrics publishMetrics
}

// Connect connects and then keeps the connection up for ever. The error is
// [schema.Unavailable] when no server answers.
func Connect(ctx context.Context, c Config) (*Conn, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	options := []nats.Option{
		nats.Name(c.Name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			// The one place where a forbidden publish shows: its caller sees a
			// timeout.
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			c.Logger.Warn("nats", "error", err, "subject", subject)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Logger.Warn("nats disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { c.Logger.Info("nats reconnected", "server", nc.ConnectedServerName()) }),
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.CAFile != "" {
		options = append(options, nats.RootCAs(c.CAFile))
	}
	if c.CertFile != "" {
		options = append(options, nats.ClientCert(c.CertFile, c.KeyFile))
	}
	if c.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	if c.InProcess != nil {
		options = append(options, nats.InProcessServer(c.InProcess))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	nc, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, schema.Errorf(schema.Unavailable, "connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(pendingAcks), jetstream.WithDefaultTimeout(publishTry))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return &Conn{nc: nc, js: js, log: c.Logger, metrics: newPublishMetrics(c.Registerer)}, nil
}

// Ready returns nil when CALLS answers: a connection alone does not mean that
// anything can be stored.
func (c *Conn) Ready(ctx context.Context) error {
	if _, err := c.js.Stream(ctx, schema.StreamCalls); err != nil {
		return schema.Errorf(schema.Unavailable, "stream %s: %w", schema.StreamCalls, err)
	}
	return nil
}

// Close lets what is on its way arrive and closes the connection.
func (c *Conn) Close(ctx context.Context) error {
	if c.nc.IsClosed() {
		return nil
	}
	closed := make(chan struct{})
	c.nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	if err := c.nc.Drain(); err != nil {
		c.nc.Close()
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionReconnecting) {
			return nil
		}
		return fmt.Errorf("drain NATS: %w", err)
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		c.nc.Close()
		return fmt.Errorf("drain NATS: %w", ctx.Err())
	}
}
