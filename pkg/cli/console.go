package cli

import "context"

// consoleCommand is the role that people and programs reach.
type consoleCommand struct {
	databaseConfig
	natsConfig
	bucketConfig
	twilioConfig
	publicConfig
	listenConfig
	secretConfig
}

// Help shows how to run it.
func (consoleCommand) Help() string {
	return `Examples:
  DATABASE_URL=postgres://... S3_BUCKET=recordings CALLSTREAM_SECRET_KEY=... callstream console
      Pages on http://127.0.0.1:8080/, for who signs in with an API key.
  curl -H "Authorization: Bearer $KEY" http://127.0.0.1:8080/api/calls

With NATS_URL it also shows the pipeline and the dead letters; it serves calls
while NATS is away.`
}

// Run serves until ctx ends.
func (c *consoleCommand) Run(ctx context.Context, proc *process) (err error) {
	if err := missing(c.databaseConfig.needed(), c.bucketConfig.needed(), c.secretConfig.needed()); err != nil {
		return err
	}
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	if c.NATSURL != "" {
		if err := p.openStreamAside(ctx, c.natsConfig, "console"); err != nil {
			return err
		}
	}
	if err := p.openBucket(ctx, c.bucketConfig, false); err != nil {
		return err
	}
	if err := p.openTwilio(c.twilioConfig); err != nil {
		return err
	}
	if c.AppHost != "" || c.PublicBaseURL != "" { // without it only event sinks cannot be set up
		if p.base, err = c.base(); err != nil {
			return err
		}
	}
	var services []service
	if p.conn != nil {
		services = append(services, p.remember())
	}
	routes, err := p.pages()
	if err != nil {
		return err
	}
	return p.serve(ctx, c.HTTPAddr, routes, services...)
}
