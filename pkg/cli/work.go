package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/consumers/archiver"
	"github.com/loquent/callstream/consumers/calls"
	"github.com/loquent/callstream/consumers/messages"
	"github.com/loquent/callstream/consumers/reaper"
	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/consumers/transcriber"
	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// grace bounds how long a stopping consumer works on what it has begun; after
// that it hands it back for another process.
const grace = 20 * time.Second

// consumer returns the service that runs one durable.
func (p *parts) consumer(name string) (service, error) {
	durable, err := consumers.Find(name)
	if err != nil {
		return service{}, fmt.Errorf("consume: %w", err)
	}
	work, err := p.work(durable, p.registry)
	if err != nil {
		return service{}, err
	}
	runner, err := stream.NewRunner(stream.RunnerConfig{
		Conn:       p.conn,
		Durable:    durable,
		Handler:    work.handler,
		Batch:      work.batch,
		Ledger:     p.db,
		Parking:    p.db,
		Logger:     p.log,
		Registerer: p.registry,
		Tracer:     p.tracing.Tracer(tracerName),
		Grace:      grace,
	})
	if err != nil {
		return service{}, fmt.Errorf("consumer %s: %w", name, err)
	}
	return service{name, runner.Run}, nil
}

// consumers returns the services of the named durables: one that runs each, and
// one that takes up the replays which are queued for it.
func (p *parts) consumers(names []string) ([]service, error) {
	var services []service
	for _, name := range names {
		live, err := p.consumer(name)
		if err != nil {
			return nil, err
		}
		services = append(services, live, p.replayer(name))
	}
	return services, nil
}

// replayer returns the service that takes up a durable's queued replays.
func (p *parts) replayer(name string) service {
	runner := replays.Runner{Store: p.db, Consumer: name, Work: p.replay, Logger: p.log}
	return service{"replays of " + name, runner.Run}
}

// replay goes on with a replay that this process holds.
func (p *parts) replay(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
	durable, err := consumers.Find(r.Spec.Consumer)
	if err != nil {
		return r.Progress, err
	}
	work, err := p.work(durable, nil) // what is done again is not counted as live work
	if err != nil {
		return r.Progress, err
	}
	return p.conn.Replay(ctx, stream.ReplayConfig{
		Spec: r.Spec, Durable: durable, Handler: work.handler, Batch: work.batch,
		Resume: r.Progress, Checkpoint: checkpoint, Logger: p.log,
	})
}

// work is what a consumer does with its durable's messages: one at a time or in
// batches; and what it would do with one.
type work struct {
	handler stream.Handler
	batch   stream.BatchHandler
	plan    func(context.Context, stream.Delivery) (schema.Plan, error)
}

// work returns the work of the durable's consumer, whose metrics are
// exposed by metrics, or nobody for nil.
func (p *parts) work(durable stream.Durable, metrics prometheus.Registerer) (work, error) {
	switch durable.Name {
	case consumers.Calls:
		c := calls.New(calls.Config{Store: p.db, Records: p.db, Logger: p.log, Registerer: metrics})
		return work{batch: c.HandleBatch, plan: c.Plan}, nil
	case consumers.Recorder:
		c := recorder.New(recorder.Config{
			Settings: p.db, Decisions: p.db, Calls: p.db, Records: p.db, Leases: p.db, Twilio: p.twilio, Starter: p.twilio,
			CallbackURL: p.recordingCallback, Logger: p.log, Registerer: metrics,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Archiver:
		config := archiver.Config{
			Accounts: p.db, Calls: p.db, Recordings: p.db, History: p.db, Leases: p.db, Twilio: p.twilio, Objects: p.objects,
			Publisher: p.conn, Copies: p.objects, Restore: p.db, Workers: durable.Workers, Logger: p.log, Registerer: metrics,
		}
		if p.earlier != nil {
			config.Earlier = p.earlier
		}
		c := archiver.New(config)
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Transcriber:
		c := transcriber.New(transcriber.Config{
			Accounts: p.db, Recordings: p.db, Leases: p.db, Objects: p.objects, Whisper: p.whisper,
			Publisher: p.conn, Workers: durable.Workers, Logger: p.log, Registerer: metrics,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Reaper:
		c := reaper.New(reaper.Config{
			Accounts: p.db, Recordings: p.db, Leases: p.db, Twilio: p.twilio, Logger: p.log, Registerer: metrics,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Messages:
		c := messages.New(messages.Config{Store: p.db, Records: p.db})
		return work{batch: c.HandleBatch, plan: c.Plan}, nil
	}
	return work{}, fmt.Errorf("durable %q has no consumer", durable.Name)
}
