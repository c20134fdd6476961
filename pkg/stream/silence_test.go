package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// A cluster without a quorum does not answer at all. After a few publishes that
// waited in vain the others must fail at once, and recover by themselves.
func TestPublishStopsWaitingForASilentServer(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	nc, _ := raw(t, server)
	swallowed := make(chan *nats.Msg, 100)
	mute, err := nc.ChanSubscribe("call.>", swallowed)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	conn := streamtest.Connect(t, stream.Config{InProcess: server.InProcess()})
	conn.SetTry(20 * time.Millisecond)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := conn.Publish(ctx, streamtest.Answered(1)); schema.CodeOf(err) != schema.Unavailable {
		t.Fatalf("publish into silence: %v, want unavailable", err)
	}
	if ctx.Err() != nil {
		t.Error("the publish that opened the breaker kept waiting")
	}
	streamtest.Await(t, "every try to be swallowed", func(context.Context) bool { return len(swallowed) >= stream.BreakAfter })
	if got := len(swallowed); got > stream.BreakAfter {
		t.Errorf("%d tries until it gave up, want %d", got, stream.BreakAfter)
	}
	opened := time.Now()
	for range 10 {
		if err := conn.Publish(ctx, streamtest.Answered(1)); schema.CodeOf(err) != schema.Unavailable {
			t.Fatalf("publish with the breaker open: %v, want unavailable", err)
		}
	}
	if probes := len(swallowed) - stream.BreakAfter; probes > 1+int(time.Since(opened)/time.Second) {
		t.Errorf("%d tries with the breaker open, want one a second", probes)
	}
	if err := mute.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Provision(ctx, streamtest.Settings(), nil); err != nil {
		t.Fatal(err)
	}
	streamtest.Await(t, "the breaker to close", func(ctx context.Context) bool {
		return conn.Publish(ctx, streamtest.Answered(1)) == nil
	})
}

// A duplicate that arrives while the first copy is still being replicated is
// refused with an error of its own. It is not a success, since the first may
// still fail, and it is not a failure either.
func TestDuplicatesInFlightOnAClusterSucceedInTheEnd(t *testing.T) {
	t.Parallel()
	servers := streamtest.Cluster(t)
	settings := streamtest.Settings()
	settings.Replicas = 3
	conns := make([]*stream.Conn, len(servers))
	for i, s := range servers {
		conns[i] = streamtest.Connect(t, stream.Config{URL: s.URL()})
	}
	streamtest.Await(t, "the cluster to take streams", func(ctx context.Context) bool {
		_, err := conns[0].Provision(ctx, settings, nil)
		if err == nil {
			err = conns[0].Ready(ctx)
		}
		if err != nil {
			t.Logf("not yet: %v", err)
		}
		return err == nil
	})
	const facts, copies = 20, 12
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	failed := make(chan error, facts*copies)
	for n := range facts {
		for c := range copies {
			go func() {
				if c%2 == 0 {
					failed <- conns[c%3].Publish(ctx, streamtest.Answered(n))
				} else {
					failed <- conns[c%3].Publish(ctx, streamtest.Answered(n), streamtest.Answered((n+1)%facts))
				}
			}()
		}
	}
	for range facts * copies {
		if err := <-failed; err != nil {
			t.Errorf("publish: %v", err)
		}
	}
	if got := calls(t, conns[0]).Messages; got != facts {
		t.Errorf("%d messages stored, want %d", got, facts)
	}
}
