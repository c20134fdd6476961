package stream_test

import (
	"context"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// oldestPending returns what a glance at the durable says.
func oldestPending(t *testing.T, conn *stream.Conn, durable string) time.Time {
	t.Helper()
	info, err := conn.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state, _ := info.Find(durable)
	d, ok := state.(stream.DurableState)
	if !ok {
		t.Fatalf("durable %s is not told of", durable)
	}
	return d.OldestPending
}

func TestInfoTellsSinceWhenADurableIsBehind(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Filters = []string{"call.answered.*", "recording.processed.*"}
	p := newPast(t, d)
	if at := oldestPending(t, p.conn, "one"); !at.IsZero() {
		t.Errorf("an idle durable waits since %s", at)
	}
	completed := schema.CallCompleted{Header: streamtest.Answered(1).Header, Call: streamtest.Answered(1).Call}
	p.publish(completed, streamtest.Processed(1), streamtest.Answered(1), streamtest.Answered(2))
	if at := oldestPending(t, p.conn, "one"); !at.Equal(p.storedAt(2)) {
		t.Errorf("behind since %s, want %s, when its first message was stored", at, p.storedAt(2))
	}
	held := make(chan struct{})
	p.config.Handler = func(_ context.Context, e schema.Event) error {
		if e.Kind() == schema.KindCallAnswered {
			<-held // delivered, and in work
		}
		return nil
	}
	streamtest.Run(t, p.config)
	streamtest.Await(t, "the first message to be done", func(context.Context) bool {
		return oldestPending(t, p.conn, "one").Equal(p.storedAt(3))
	})
	close(held)
	streamtest.Await(t, "nothing to be pending", func(context.Context) bool { return oldestPending(t, p.conn, "one").IsZero() })
}
