package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/loquent/callstream/pkg/telemetry"
)

// drainTime bounds how long a stopping server waits for requests in flight;
// Twilio gives up on one after 15 s.
const drainTime = 15 * time.Second

// server is an HTTP server that is bound before anything else starts, so that
// a taken port is a clear error and not a race.
type server struct {
	name     string
	listener net.Listener
	handler  http.Handler
	health   *telemetry.Health // nil: none to switch off
	log      *slog.Logger
}

// listen binds addr.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (HTTP_ADDR): %w", addr, err)
	}
	return l, nil
}

// service serves until its context ends: first /readyz says no, then no new
// connections, then requests in flight end.
func (s server) service() service {
	return service{s.name, func(ctx context.Context) error {
		// No read or write timeout for whole requests: recordings are played
		// for as long as they last. Ingress bounds its own bodies.
		srv := &http.Server{
			Handler:           s.handler,
			ReadHeaderTimeout: 5 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		}
		failed := make(chan error, 1)
		go func() { failed <- srv.Serve(s.listener) }()
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		if s.health != nil {
			s.health.Drain()
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if err := srv.Shutdown(drain); err != nil {
			return errors.Join(fmt.Errorf("drain: %w", err), srv.Close())
		}
		return nil
	}}
}

// serve runs services behind an HTTP server at addr with the given routes and
// /healthz, /readyz and /metrics, until ctx ends.
func (p *parts) serve(ctx context.Context, addr string, routes map[string]http.Handler, services ...service) error {
	listener, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	http := p.server(listener, routes)
	p.log.Info("ready", "addr", listener.Addr().String())
	return runServices(ctx, p.log, append(services, http)...)
}

// server returns the HTTP service for listener.
func (p *parts) server(listener net.Listener, routes map[string]http.Handler) service {
	mux := http.NewServeMux()
	for pattern, handler := range routes {
		mux.Handle(pattern, p.tracing.Handler(handler, pattern))
	}
	health := p.health()
	health.Routes(mux, p.registry)
	return server{"http", listener, mux, health, p.log}.service()
}

// joinClose closes p and adds what went wrong to err.
func joinClose(ctx context.Context, p *parts, err error) error {
	return errors.Join(err, p.close(ctx))
}
