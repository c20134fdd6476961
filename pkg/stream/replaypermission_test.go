package stream_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// A consumer's process may read history for a replay, and leaves nothing
// behind.
func TestAConsumerMayReplay(t *testing.T) {
	address := shipped(t)
	operate := streamtest.Connect(t, stream.Config{URL: address("operate")})
	if _, err := operate.Provision(t.Context(), streamtest.Settings(), consumers.Table()); err != nil {
		t.Fatal(err)
	}
	ingress := streamtest.Connect(t, stream.Config{URL: address("ingress")})
	if err := ingress.Publish(t.Context(), streamtest.Answered(1), streamtest.Processed(1), streamtest.Answered(2)); err != nil {
		t.Fatal(err)
	}
	consume := streamtest.Connect(t, stream.Config{URL: address("consume")})
	for _, d := range consumers.Table() {
		replay := stream.ReplayConfig{
			Spec:    schema.ReplaySpec{Consumer: d.Name, Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), DryRun: true},
			Durable: d, Handler: func(context.Context, schema.Event) error { return nil },
		}
		if d.Batch > 0 {
			replay.Handler, replay.Batch = nil, func(_ context.Context, ds []stream.Delivery) []error { return make([]error, len(ds)) }
		}
		p, err := consume.Replay(t.Context(), replay)
		if err != nil || p.Cursor != 3 {
			t.Errorf("replay of %s: %+v, %v", d.Name, p, err)
		}
	}
	info, err := operate.Info(t.Context())
	if err != nil || len(info.Durables) != len(consumers.Table()) {
		t.Errorf("durables %+v, %v", info.Durables, err)
	}
	js := dialed(t, address("operate"))
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	if got := calls.CachedInfo().State.Consumers; got != len(consumers.Table()) {
		t.Errorf("%d consumers are left", got)
	}
}

// What a replay and its estimate need leads to no durable: those are the
// operators' to change and to remove.
func TestNobodyElseMayTouchADurable(t *testing.T) {
	address := shipped(t)
	operate := streamtest.Connect(t, stream.Config{URL: address("operate")})
	if _, err := operate.Provision(t.Context(), streamtest.Settings(), consumers.Table()); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"consume", "console"} {
		js := dialed(t, address(user))
		for _, d := range consumers.Table() {
			config := jetstream.ConsumerConfig{Durable: d.Name, AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: 1}
			prefix := "$JS.API.CONSUMER."
			for _, subject := range []string{
				prefix + "CREATE.CALLS." + d.Name, prefix + "CREATE.CALLS." + d.Name + "." + d.Filters[0], prefix + "CREATE.CALLS.look-1",
				prefix + "CREATE.CALLS", prefix + "DURABLE.CREATE.CALLS." + d.Name, prefix + "DELETE.CALLS." + d.Name,
			} {
				if done(t, js.Conn(), subject, config) {
					t.Errorf("%s may %s", user, subject)
				}
			}
		}
	}
	drift, err := operate.Check(t.Context(), streamtest.Settings(), consumers.Table())
	if err != nil || len(drift) > 0 {
		t.Errorf("afterwards: %v, %v", drift, err)
	}
}

// dialed is a bare connection.
func dialed(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// done reports whether the server did what is asked of it. What is forbidden
// has no answer.
func done(t *testing.T, nc *nats.Conn, subject string, config jetstream.ConsumerConfig) bool {
	t.Helper()
	body, err := json.Marshal(map[string]any{"stream_name": schema.StreamCalls, "config": config})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	reply, err := nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return false
	}
	var answer struct{ Error *jetstream.APIError }
	if err := json.Unmarshal(reply.Data, &answer); err != nil {
		t.Fatalf("%s: %s", reply.Data, err)
	}
	return answer.Error == nil
}
