package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/pipeline"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

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
	config := api.Config{
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
		Connector:     connector{p},
		KeyList:       p.db,
		KeyIssuer:     p.db,
		Audit:         p.db,
		Sinks:         p.sinks(),
		Credentials:   credentials{p},
		Health:        p.doctor(0),
		Replays:       p.db,
		Consumers:     consumers.Names(),
		Logger:        p.log,
	}
	if p.conn != nil {
		config.Pipeline, config.Books, config.Letters, config.Estimates = p.conn, p.db, p.letters(), estimates{p.conn}
	}
	if p.history != nil {
		config.History = p.history
	}
	return api.New(config)
}

// remember returns the service that samples the pipeline for the API's plots.
func (p *parts) remember() service {
	p.history = pipeline.NewHistory(pipeline.HistoryConfig{Streams: p.conn, Books: p.db, Logger: p.log})
	return service{"history", p.history.Run}
}

// estimates knows the durables' filters, by which a replay's history is counted.
type estimates struct{ conn *stream.Conn }

// EstimateReplay counts what a replay would have to look at.
func (e estimates) EstimateReplay(ctx context.Context, spec schema.ReplaySpec) (schema.ReplayEstimate, error) {
	durable, err := consumers.Find(spec.Consumer)
	if err != nil {
		return schema.ReplayEstimate{}, schema.Errorf(schema.Invalid, "consumer: %w", err)
	}
	return e.conn.EstimateReplay(ctx, spec, durable)
}

// sinks returns what looks after event sinks; it needs the client for Twilio and
// the public base URL.
func (p *parts) sinks() *eventsink.Sinks {
	return eventsink.New(eventsink.Config{Store: p.db, Locks: p.db, Twilio: p.twilio, BaseURL: p.base, Logger: p.log})
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
