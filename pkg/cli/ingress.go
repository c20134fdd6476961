package cli

import (
	"context"
	"net/http"
)

// ingressCommand is the Twilio-facing role.
type ingressCommand struct {
	databaseConfig
	natsConfig
	publicConfig
	listenConfig
	secretConfig
}

// Help shows how to run it.
func (ingressCommand) Help() string {
	return `Examples:
  DATABASE_URL=postgres://... NATS_URL=nats://... CALLSTREAM_SECRET_KEY=... \
  APP_HOST=calls.example.com HTTP_ADDR=:8080 callstream ingress

A 2xx answer means that every event of the request is stored and fsynced.`
}

// Run serves until ctx ends.
func (c *ingressCommand) Run(ctx context.Context, proc *process) (err error) {
	if err := missing(c.databaseConfig.needed(), c.natsConfig.needed(), c.secretConfig.needed()); err != nil {
		return err
	}
	turnOver()
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if p.base, err = c.base(); err != nil {
		return err
	}
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	if err := p.openStream(ctx, c.natsConfig, "ingress", nil); err != nil {
		return err
	}
	routes, err := p.ingress()
	if err != nil {
		return err
	}
	return p.serve(ctx, c.HTTPAddr, map[string]http.Handler{"/twilio/": routes})
}
