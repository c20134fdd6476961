package stream_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// durable is a one-at-a-time durable for tests.
func durable(name string) stream.Durable {
	return stream.Durable{
		Name:          name,
		Description:   "a test",
		Filters:       []string{schema.KindCallAnswered + ".*"},
		AckWait:       30 * time.Second,
		MaxAckPending: 100,
		Backoff:       []time.Duration{time.Millisecond},
		MaxAttempts:   3,
		Workers:       2,
	}
}

// batchDurable is one that works in batches.
func batchDurable(name string) stream.Durable {
	d := durable(name)
	d.Filters = []string{"call.*.*", "insights.summary.*"}
	d.Workers, d.Batch, d.BatchWait = 1, 50, 20*time.Millisecond
	return d
}

func texts[S interface{ String() string }](all []S) (texts []string) {
	for _, s := range all {
		texts = append(texts, s.String())
	}
	return texts
}

func TestProvisionOnceIsEnough(t *testing.T) {
	t.Parallel()
	conn := streamtest.Connect(t, stream.Config{InProcess: streamtest.Start(t).InProcess()})
	durables := []stream.Durable{durable("one"), batchDurable("several")}
	changes, err := conn.Provision(t.Context(), streamtest.Settings(), durables)
	if err != nil {
		t.Fatal(err)
	}
	want := "stream CALLS created, stream DEADLETTERS created, durable one created, durable several created"
	if got := strings.Join(texts(changes), ", "); got != want {
		t.Errorf("changes: %s", got)
	}
	if changes, err := conn.Provision(t.Context(), streamtest.Settings(), durables); err != nil || len(changes) > 0 {
		t.Errorf("the second time: %v, %v; want nothing", texts(changes), err)
	}
	if drift, err := conn.Check(t.Context(), streamtest.Settings(), durables); err != nil || len(drift) > 0 {
		t.Errorf("drift: %v, %v; want none", texts(drift), err)
	}
}

func TestWhatIsProvisionedKeepsTheInvariants(t *testing.T) {
	t.Parallel()
	server, _ := provisioned(t, stream.DefaultSettings(1), durable("one"))
	_, js := raw(t, server)
	for _, name := range []string{schema.StreamCalls, schema.StreamDeadLetters} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || c.MaxBytes <= 0 || c.MaxAge < 30*24*time.Hour ||
			c.Duplicates < 4*time.Hour || !c.AllowDirect || c.Description == "" || c.Metadata["managed-by"] == "" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	consumer, err := js.Consumer(t.Context(), schema.StreamCalls, "one")
	if err != nil {
		t.Fatal(err)
	}
	// BackOff bends NakWithDelay, and MaxDeliver forgets messages silently.
	c := consumer.CachedInfo().Config
	if len(c.BackOff) > 0 || c.MaxDeliver != -1 || c.AckPolicy != jetstream.AckExplicitPolicy || c.DeliverPolicy != jetstream.DeliverAllPolicy || c.InactiveThreshold != 0 {
		t.Errorf("durable: %+v", c)
	}
}

func TestSeveralProcessesMayProvisionAtOnce(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	durables := []stream.Durable{durable("one"), batchDurable("several")}
	var wg sync.WaitGroup
	for range 8 {
		conn := streamtest.Connect(t, stream.Config{InProcess: server.InProcess()})
		wg.Go(func() {
			if _, err := conn.Provision(t.Context(), streamtest.Settings(), durables); err != nil {
				t.Errorf("provision: %v", err)
			}
			if drift, err := conn.Check(t.Context(), streamtest.Settings(), durables); err != nil || len(drift) > 0 {
				t.Errorf("drift: %v, %v", texts(drift), err)
			}
		})
	}
	wg.Wait()
}

func TestDriftIsToldFieldByFieldAndMended(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings(), durable("one"))
	settings, changed := streamtest.Settings(), durable("one")
	settings.CallsMaxAge = 48 * time.Hour
	changed.AckWait = time.Minute
	changed.Filters = append(changed.Filters, "call.completed.*")
	durables := []stream.Durable{changed, durable("two")}
	drift, err := conn.Check(t.Context(), settings, durables)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"stream CALLS: max age is 720h0m0s, want 48h0m0s",
		"durable one: filters is [call.answered.*], want [call.answered.* call.completed.*]",
		"durable one: ack wait is 30s, want 1m0s",
		"durable two does not exist",
	}
	if got := texts(drift); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("drift:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	changes, err := conn.Provision(t.Context(), settings, durables)
	if err != nil || len(changes) != 3 {
		t.Errorf("changes %v, %v; want three", texts(changes), err)
	}
	if drift, err := conn.Check(t.Context(), settings, durables); err != nil || len(drift) > 0 {
		t.Errorf("drift after provisioning: %v, %v; want none", texts(drift), err)
	}
}

func TestProvisionRefusesWhatItCannotChange(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	_, js := raw(t, server)
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: schema.StreamCalls, Subjects: schema.StreamCallsSubjects, Storage: jetstream.MemoryStorage, Retention: jetstream.WorkQueuePolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := streamtest.Connect(t, stream.Config{InProcess: server.InProcess()})
	_, err = conn.Provision(t.Context(), streamtest.Settings(), nil)
	if schema.CodeOf(err) != schema.Conflict {
		t.Fatalf("provision: %v, want conflict", err)
	}
	for _, sentence := range []string{
		"stream CALLS: retention is WorkQueue, want Limits; that cannot be changed in place",
		"stream CALLS: storage is Memory, want File; that cannot be changed in place",
	} {
		if !strings.Contains(err.Error(), sentence) {
			t.Errorf("error %q does not say %q", err, sentence)
		}
	}
}

func TestDeclarationsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings())
	for name, change := range map[string]func(*stream.Durable){
		"a name with a dot":  func(d *stream.Durable) { d.Name = "a.b" },
		"no name":            func(d *stream.Durable) { d.Name = "" },
		"no filter":          func(d *stream.Durable) { d.Filters = nil },
		"no ack wait":        func(d *stream.Durable) { d.AckWait = 0 },
		"no limit in flight": func(d *stream.Durable) { d.MaxAckPending = 0 },
		"no attempts":        func(d *stream.Durable) { d.MaxAttempts = 0 },
		"negative workers":   func(d *stream.Durable) { d.Workers = -1 },
	} {
		d := durable("one")
		change(&d)
		if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{d}); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	overlapping := durable("one")
	overlapping.Filters = []string{"call.>", "call.answered.*"}
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{overlapping}); schema.CodeOf(err) != schema.Invalid {
		t.Errorf("filters that the server refuses: %v, want invalid", err)
	}
}

func TestInfoCountsWhatIsBehind(t *testing.T) {
	t.Parallel()
	_, conn := provisioned(t, streamtest.Settings(), durable("one"))
	if err := conn.Publish(t.Context(), streamtest.Answered(1), streamtest.Answered(2), streamtest.Processed(1)); err != nil {
		t.Fatal(err)
	}
	info := counted(t, conn, "one", 2)
	if s, ok := info.Find("CALLS"); !ok || s.(stream.StreamState).LastSeq != 3 {
		t.Errorf("CALLS: %+v", s)
	}
	if d, ok := info.Find("one"); !ok || d.(stream.DurableState).Pending != 2 {
		t.Errorf("durable: %+v", d)
	}
	if _, ok := info.Find("none"); ok {
		t.Error("found what does not exist")
	}
	if pending, inFlight, err := conn.Lag(t.Context(), "one"); err != nil || pending != 2 || inFlight != 0 {
		t.Errorf("lag %d, %d, %v; want 2, 0", pending, inFlight, err)
	}
	if _, _, err := conn.Lag(t.Context(), "none"); schema.CodeOf(err) != schema.NotFound {
		t.Errorf("lag of no durable: %v, want not found", err)
	}
}

// counted returns the state once the broker has counted what is pending for the
// durable, which it does a moment after it has stored it.
func counted(t *testing.T, conn *stream.Conn, durable string, pending uint64) stream.Info {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		info, err := conn.Info(ctx)
		if err != nil {
			t.Fatalf("the broker does not count %d for %s: %v", pending, durable, err)
		}
		if d, ok := info.Find(durable); ok && d.(stream.DurableState).Pending == pending {
			return info
		}
	}
}
