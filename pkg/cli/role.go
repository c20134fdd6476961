package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/consumers/archiver"
	"github.com/loquent/callstream/consumers/calls"
	"github.com/loquent/callstream/consumers/messages"
	"github.com/loquent/callstream/consumers/reaper"
	"github.com/loquent/callstream/consumers/recorder"
	"github.com/loquent/callstream/consumers/transcriber"
	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// grace bounds how long a stopping consumer works on what it has begun; after
// that it hands it back for another process.
const grace = 20 * time.Second

// ingress returns the routes that Twilio reaches.
func (p *parts) ingress() (http.Handler, error) {
	handler, err := ingress.New(ingress.Config{
		Publisher:  p.conn,
		Accounts:   p.db,
		Verify:     twilio.Verifier{BaseURL: p.base}.Verify,
		SinkTests:  p.db,
		TwiML:      twilio.VoiceTwiML,
		BaseURL:    p.base,
		Plans:      p.db,
		Decisions:  p.db,
		Logger:     p.log,
		Registerer: p.registry,
	})
	if err != nil {
		return nil, fmt.Errorf("ingress: %w", err)
	}
	return handler, nil
}

// api returns the routes under /api/.
func (p *parts) api() http.Handler {
	return api.New(api.Config{
		Keys:          p.db,
		Organizations: p.db,
		Tenants:       p.db,
		Calls:         p.db,
		Recordings:    p.db,
		Objects:       p.objects,
		Messages:      p.db,
		Settings:      p.db,
		Numbers:       p.db,
		VoicePlans:    p.db,
		KeyList:       p.db,
		KeyIssuer:     p.db,
		Audit:         p.db,
		Sinks:         p.sinks(),
		Credentials:   credentials{p},
		Health:        p.doctor(0),
		Logger:        p.log,
	})
}

// sinks returns what looks after event sinks; it needs the client for Twilio and
// the public base URL.
func (p *parts) sinks() *eventsink.Sinks {
	return eventsink.New(eventsink.Config{Store: p.db, Locks: p.db, Twilio: p.twilio, BaseURL: p.base, Logger: p.log})
}

// consumer returns the service that runs one durable.
func (p *parts) consumer(name string) (service, error) {
	durable, err := consumers.Find(name)
	if err != nil {
		return service{}, fmt.Errorf("consume: %w", err)
	}
	work, err := p.work(durable)
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

// work is what a consumer does with its durable's messages: one at a time or in
// batches; and what it would do with one.
type work struct {
	handler stream.Handler
	batch   stream.BatchHandler
	plan    func(context.Context, stream.Delivery) (schema.Plan, error)
}

// work returns the work of the durable's consumer.
func (p *parts) work(durable stream.Durable) (work, error) {
	switch durable.Name {
	case consumers.Calls:
		c := calls.New(calls.Config{Store: p.db, Records: p.db, Logger: p.log, Registerer: p.registry})
		return work{batch: c.HandleBatch, plan: c.Plan}, nil
	case consumers.Recorder:
		c := recorder.New(recorder.Config{
			Settings: p.db, Decisions: p.db, Calls: p.db, Records: p.db, Leases: p.db, Twilio: p.twilio, Starter: p.twilio,
			CallbackURL: p.recordingCallback, Logger: p.log, Registerer: p.registry,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Archiver:
		config := archiver.Config{
			Accounts: p.db, Calls: p.db, Recordings: p.db, History: p.db, Leases: p.db, Twilio: p.twilio, Objects: p.objects,
			Publisher: p.conn, Copies: p.objects, Restore: p.db, Workers: durable.Workers, Logger: p.log, Registerer: p.registry,
		}
		if p.earlier != nil {
			config.Earlier = p.earlier
		}
		c := archiver.New(config)
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Transcriber:
		c := transcriber.New(transcriber.Config{
			Accounts: p.db, Recordings: p.db, Leases: p.db, Objects: p.objects, Whisper: p.whisper,
			Publisher: p.conn, Workers: durable.Workers, Logger: p.log, Registerer: p.registry,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Reaper:
		c := reaper.New(reaper.Config{
			Accounts: p.db, Recordings: p.db, Leases: p.db, Twilio: p.twilio, Logger: p.log, Registerer: p.registry,
		})
		return work{handler: stream.Handle(c.Handle), plan: c.Plan}, nil
	case consumers.Messages:
		c := messages.New(messages.Config{Store: p.db, Records: p.db})
		return work{batch: c.HandleBatch, plan: c.Plan}, nil
	}
	return work{}, fmt.Errorf("durable %q has no consumer", durable.Name)
}

// recordingCallback returns where Twilio is to report a recording that the
// recorder started; the organization in it chooses the token before anything
// of the request is believed.
func (p *parts) recordingCallback(org string) string {
	return p.base + "/twilio/recording?org=" + url.QueryEscape(org)
}

// provision brings streams and durables to what this version declares. room is
// what the embedded server has for all streams, or 0 for a server that is not
// ours: on a small disk the streams take three quarters of it.
func (p *parts) provision(ctx context.Context, replicas int, room int64) error {
	settings := stream.DefaultSettings(replicas)
	if room > 0 {
		settings.CallsMaxBytes = min(settings.CallsMaxBytes, room*5/8)
		settings.DeadLettersMaxBytes = min(settings.DeadLettersMaxBytes, room/8)
	}
	changes, err := p.conn.Provision(ctx, settings, consumers.Table())
	if err != nil {
		return fmt.Errorf("apply streams: %w", err)
	}
	for _, change := range changes {
		p.log.Debug("streams", "change", change.String())
	}
	return nil
}
