package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/loquent/callstream/schema"
)

// Conn is a connection to NATS and its JetStream. It is safe for concurrent
// use, and stays up for ever: after a loss it reconnects by itself.
type Conn struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	log      *slog.Logger
	link     *link
	breaker  breaker
	patience patience
	metrics  publishMetrics
	tracer   trace.Tracer // nil: no spans
}

// Connect connects, giving each server that the URL names a few seconds. The
// error is [schema.Unavailable] when none answers (unless c.Later), [schema.Unauthorized] when
// they refuse the credentials and [schema.Invalid] when the configuration
// cannot be used.
func Connect(ctx context.Context, c Config) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, schema.Errorf(schema.Unavailable, "connect to NATS: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	link := newLink(c.Logger)
	nc, err := nats.Connect(c.URL, append(c.options(), link.options()...)...)
	if err != nil {
		return nil, schema.Errorf(connectCode(err), "connect to NATS: %w", err)
	}
	return newConn(nc, c, link)
}

// connectCode classifies why a connection was not made. A server that refuses
// to talk, hangs up, hangs or has no address yet is one that may be starting.
func connectCode(err error) schema.Code {
	var network *net.OpError
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return schema.Unauthorized
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, io.EOF), errors.As(err, &network):
		return schema.Unavailable
	}
	return schema.Invalid
}

func newConn(nc *nats.Conn, c Config, link *link) (*Conn, error) {
	patience := defaultPatience()
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(pendingAcks),
		jetstream.WithPublishAsyncTimeout(patience.try), // or an acknowledgement that never comes keeps its place for ever
		jetstream.WithDefaultTimeout(apiTimeout))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return &Conn{
		nc: nc, js: js, log: c.Logger, link: link, patience: patience,
		metrics: newPublishMetrics(c.Registerer), tracer: c.Tracer,
	}, nil
}

// Ready returns nil when CALLS answers: a connection alone does not mean that
// anything can be stored. The error is [schema.Unavailable].
func (c *Conn) Ready(ctx context.Context) error {
	if c.link.downFor(time.Now()) > 0 {
		return schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, errDown)
	}
	calls, err := ask(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.Stream(ctx, schema.StreamCalls) })
	if err != nil {
		return schema.Errorf(schema.Unavailable, "inspect stream %s: %w", schema.StreamCalls, err)
	}
	if cluster := calls.CachedInfo().Cluster; cluster != nil && cluster.Leader == "" {
		return schema.Errorf(schema.Unavailable, "stream %s has no leader", schema.StreamCalls)
	}
	return nil
}

// Close lets what is on its way arrive and closes the connection; ctx bounds
// the wait. Stop every [Runner] first. A second call does nothing.
func (c *Conn) Close(ctx context.Context) error {
	switch err := c.nc.Drain(); {
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionReconnecting):
		return nil // nobody is there to be drained to
	case err != nil:
		c.nc.Close()
		return fmt.Errorf("drain NATS: %w", err)
	}
	select {
	case <-c.link.closed:
		return nil
	case <-ctx.Done():
		c.nc.Close()
		return fmt.Errorf("drain NATS: %w", ctx.Err())
	}
}
