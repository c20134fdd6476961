package stream_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// One call of Publish outlives a refusal: the events that were refused, and
// only they, are published again until the stream takes them.
func TestPublishGoesOnUntilTheStreamTakesEverything(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]schema.Event{"one": five()[:1], "several": five()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, conn := provisioned(t, streamtest.Settings())
			nc, js := raw(t, server)
			stored, err := js.Stream(t.Context(), schema.StreamCalls)
			if err != nil {
				t.Fatal(err)
			}
			full := stored.CachedInfo().Config
			full.Discard, full.MaxBytes = jetstream.DiscardNew, 1
			if _, err := js.UpdateStream(t.Context(), full); err != nil {
				t.Fatal(err)
			}
			tries := make(chan *nats.Msg, 1000)
			if _, err := nc.ChanSubscribe("call.>", tries); err != nil {
				t.Fatal(err)
			}
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			published := make(chan error, 1)
			go func() { published <- conn.Publish(ctx, events...) }()
			for range len(events) + 1 { // all of them were refused once
				<-tries
			}
			full.MaxBytes = 1 << 20
			if _, err := js.UpdateStream(t.Context(), full); err != nil {
				t.Fatal(err)
			}
			if err := <-published; err != nil {
				t.Errorf("publish: %v", err)
			}
			if got := calls(t, conn).Messages; got != uint64(len(events)) {
				t.Errorf("%d messages stored, want %d", got, len(events))
			}
		})
	}
}

// start starts the server that the product embeds.
func start(t *testing.T, dir, listen string) *embedded.NATS {
	t.Helper()
	server, err := embedded.StartNATS(t.Context(), embedded.NATSOptions{Dir: dir, Listen: listen, MaxStore: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// The embedded server can be stopped and started under its clients: what was
// acknowledged is still there, the runner goes on, and so does the publisher,
// whose repeats are known for what they are.
func TestTheEmbeddedServerMayBeRestarted(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), durable("one")
	server := start(t, dir, "127.0.0.1:0")
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); err != nil {
		t.Fatal(err)
	}
	ledger, ends := &streamtest.MemoryLedger{}, streamtest.NewEnds()
	streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: d, Ledger: ledger, Parking: ledger, Logger: ends.Logger(), Grace: time.Minute,
		Handler: stream.Handle(func(context.Context, schema.CallAnswered) error { return nil }),
	})
	if err := conn.Publish(t.Context(), five()...); err != nil {
		t.Fatal(err)
	}
	for range five() {
		ends.Await(t, "done")
	}
	server.Stop()
	if err := conn.Publish(t.Context(), streamtest.Answered(6)); schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("publish with the server stopped: %v, want unavailable", err)
	}
	address, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	start(t, dir, address.Host)
	streamtest.Await(t, "the publisher", func(ctx context.Context) bool {
		return conn.Publish(ctx, append(five(), streamtest.Answered(6))...) == nil
	})
	streamtest.Drained(t, conn, "one")
	if got := calls(t, conn).Messages; got != 6 {
		t.Errorf("%d messages stored, want 6", got)
	}
}
