package cli

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/loquent/callstream/pkg/embedded"
)

// embeddedBucket is the bucket on the embedded S3 server.
const embeddedBucket = "callstream"

// start starts the embedded parts for which no address is given, all at once,
// and puts their addresses where a real one's would be. It returns the broker
// and the bytes that it has room for, or nil when a real one is named.
func (c *upCommand) start(ctx context.Context, p *parts) (broker inProcess, room int64, err error) {
	var (
		bucket = c.S3Endpoint == "" && c.S3Bucket == ""
		group  errgroup.Group
		nats   *embedded.NATS
		pg     *embedded.Postgres
		store  *embedded.S3
	)
	if c.NATSURL == "" {
		group.Go(func() (err error) {
			nats, err = embedded.StartNATS(ctx, embedded.NATSOptions{Dir: c.Data, Logger: p.log, Listen: "127.0.0.1:0"})
			return err
		})
	}
	if c.DatabaseURL == "" {
		group.Go(func() (err error) {
			pg, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: c.Data, Logger: p.log})
			return err
		})
	}
	if bucket {
		group.Go(func() (err error) {
			store, err = embedded.StartS3(ctx, embedded.S3Options{Dir: c.Data, Logger: p.log})
			return err
		})
	}
	err = group.Wait()
	// What did start is stopped on the way out, also when another did not.
	if nats != nil {
		broker, room = nats.InProcess(), nats.MaxStore()
		c.NATSURL = nats.URL()
		p.onClose(func(context.Context) error { nats.Stop(); return nil })
	}
	if pg != nil {
		c.DatabaseURL = pg.URL()
		p.onClose(func(context.Context) error { return pg.Stop() })
	}
	if store != nil {
		c.S3Endpoint, c.S3Bucket = store.Endpoint(), embeddedBucket
		c.S3AccessKey, c.S3SecretKey = store.AccessKey(), store.SecretKey()
		p.onClose(func(context.Context) error { return store.Stop() })
	}
	if err != nil {
		return nil, 0, fmt.Errorf("start embedded parts: %w", err)
	}
	return broker, room, p.openBucket(ctx, c.bucketConfig, bucket)
}
