package ingress_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// reader is a durable that reads everything.
var reader = stream.Durable{
	Name: "reader", Filters: schema.StreamCallsSubjects, AckWait: 10 * time.Second, MaxAckPending: 100, MaxAttempts: 3, Workers: 1,
}

// onStream is a world that stores in a real JetStream.
func onStream(t *testing.T, conn *stream.Conn, configure ...func(*ingress.Config)) *world {
	return newWorld(t, append([]func(*ingress.Config){func(c *ingress.Config) { c.Publisher = conn }}, configure...)...)
}

// ids returns the message ids of all that the stream holds, in order of the
// alphabet.
func ids(t *testing.T, conn *stream.Conn) []string {
	t.Helper()
	var mu sync.Mutex
	var all []string
	stop := streamtest.Run(t, stream.RunnerConfig{
		Conn: conn, Durable: reader, Ledger: &streamtest.MemoryLedger{}, Parking: &streamtest.MemoryLedger{},
		Handler: func(_ context.Context, event schema.Event) error {
			publishable(t, event)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, event.MsgID())
			return nil
		},
		Grace: time.Second,
	})
	streamtest.Drained(t, conn, reader.Name)
	stop()
	slices.Sort(all)
	return all
}

// What is acknowledged is in the stream, once, however often and by whichever
// way Twilio tells it; what cannot be read is beside it with its bytes.
func TestStored(t *testing.T) {
	t.Parallel()
	conn := streamtest.New(t, reader)
	w := onStream(t, conn)
	garbage := strings.Repeat("x", 512<<10)
	batch := "[" + strings.Join([]string{
		cloudEvent(statusCallback+"call.answered", mirror(answered)),
		`{"type":"` + summaries + `complete","data":"garbage"}`,
		cloudEvent(deprecated+"call.completed", mirror(completed)),
		cloudEvent(short+"recording.processed", mirror(processed)),
		cloudEvent(summaries+"complete", summary(unchanged)),
		cloudEvent("com.example", nil),
	}, ",") + "]"
	for range 2 {
		w.status("batch", w.events(eventsRoute, batch), http.StatusNoContent)
		w.status("answered", w.callback("/twilio/call-status", answered), http.StatusOK)
		w.status("completed", w.callback("/twilio/call-status", completed), http.StatusOK)
		w.status("action", w.callback("/twilio/call-status", with(completed, "Timestamp", "")), http.StatusOK)
		w.status("processed", w.callback("/twilio/recording", processed), http.StatusNoContent)
		w.status("garbage", w.events(eventsRoute, garbage), http.StatusNoContent)
	}
	want := []string{
		"call.answered:" + callSID, "call.completed:" + callSID,
		"call.completed:" + callSID, // the action request's, whose own id is in the stream's headers alone
		"insights.summary:" + callSID + ":complete", "recording.processed:" + recordSID + ":completed",
	}
	if diff := cmp.Diff(want, ids(t, conn)); diff != "" {
		t.Error(diff)
	}
	letters := streamtest.DeadLetters(t, conn, 2)
	if string(letters[0].Data) != garbage || letters[0].Reason != schema.ReasonUndecodable || letters[0].Org != org {
		t.Errorf("newest dead letter: %s of %s, %d bytes", letters[0].Reason, letters[0].Org, len(letters[0].Data))
	}
	if string(letters[1].Data) != `{"type":"`+summaries+`complete","data":"garbage"}` {
		t.Errorf("dead letter %q", letters[1].Data)
	}
	if n, err := conn.DeadLetters(t.Context()); n != 2 || err != nil {
		t.Errorf("%d dead letters (%v), want two", n, err)
	}
}

// A broker that is gone is a 503 in time, and nothing is lost: what Twilio
// tells again is stored.
func TestBrokerGone(t *testing.T) {
	t.Parallel()
	server := streamtest.Start(t)
	conn := streamtest.Connect(t, stream.Config{URL: server.URL()})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{reader}); err != nil {
		t.Fatal(err)
	}
	w := onStream(t, conn)
	batch := "[" + cloudEvent(statusCallback+"call.answered", mirror(answered)) + "," + cloudEvent(summaries+"complete", summary(unchanged)) + ",7]"
	requests := func() []*http.Request {
		return []*http.Request{
			jsonRequest(token, eventsRoute, batch),
			formRequest(token, "/twilio/call-status", completed.Encode()),
			jsonRequest(token, eventsRoute, "no JSON"),
		}
	}
	server.Stop()
	for _, r := range requests() {
		began := time.Now()
		w.status("gone: "+r.URL.Path, w.post(r), http.StatusServiceUnavailable)
		if took := time.Since(began); took > 5*time.Second { // when Twilio gives up
			t.Errorf("the answer took %v", took)
		}
	}
	server.Restart()
	for _, r := range requests() {
		streamtest.Await(t, "the broker to take "+r.URL.Path, func(context.Context) bool {
			again := r.Clone(t.Context())
			again.Body, _ = r.GetBody()
			return w.post(again).Code < http.StatusBadRequest
		})
	}
	want := []string{"call.answered:" + callSID, "call.completed:" + callSID, "insights.summary:" + callSID + ":complete"}
	if diff := cmp.Diff(want, ids(t, conn)); diff != "" {
		t.Error(diff)
	}
	streamtest.DeadLetters(t, conn, 2)
}

// A broker that is too slow may have stored what it did not acknowledge in
// time. That is a 503, and the repeat is stored once.
func TestBrokerSlow(t *testing.T) {
	t.Parallel()
	valve := &valve{to: streamtest.Start(t).InProcess()}
	conn := streamtest.Connect(t, stream.Config{InProcess: valve})
	if _, err := conn.Provision(t.Context(), streamtest.Settings(), []stream.Durable{reader}); err != nil {
		t.Fatal(err)
	}
	w := onStream(t, conn, func(c *ingress.Config) { c.Budget = 200 * time.Millisecond })
	batch := "[" + cloudEvent(statusCallback+"call.answered", mirror(answered)) + "," + cloudEvent(statusCallback+"call.completed", mirror(completed)) + "]"
	open := valve.shut()
	w.status("slow", w.events(eventsRoute, batch), http.StatusServiceUnavailable)
	open()
	streamtest.Await(t, "the broker to answer", func(context.Context) bool {
		return w.events(eventsRoute, batch).Code == http.StatusNoContent
	})
	want := []string{"call.answered:" + callSID, "call.completed:" + callSID}
	if diff := cmp.Diff(want, ids(t, conn)); diff != "" {
		t.Error(diff)
	}
}

// A batch of which the broker took only a part is not acknowledged; told again,
// each of its events is stored once.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	conn := streamtest.New(t, reader)
	partial := &publisher{publish: func(ctx context.Context, events []schema.Event) error {
		if err := conn.Publish(ctx, events[:1]...); err != nil {
			return err
		}
		return away
	}}
	batch := "[" + cloudEvent(statusCallback+"call.answered", mirror(answered)) + "," + cloudEvent(statusCallback+"call.completed", mirror(completed)) + ",7]"
	broken := newWorld(t, func(c *ingress.Config) { c.Publisher = partial })
	broken.status("a part", broken.events(eventsRoute, batch), http.StatusServiceUnavailable)
	w := onStream(t, conn)
	w.status("the whole", w.events(eventsRoute, batch), http.StatusNoContent)
	want := []string{"call.answered:" + callSID, "call.completed:" + callSID}
	if diff := cmp.Diff(want, ids(t, conn)); diff != "" {
		t.Error(diff)
	}
	streamtest.DeadLetters(t, conn, 1)
}

// valve gives connections on which a test can hold back what the server says.
type valve struct {
	to nats.InProcessConnProvider
	mu sync.RWMutex // held for writing while shut
}

// shut holds the server's words back until open is called.
func (v *valve) shut() (open func()) {
	v.mu.Lock()
	return v.mu.Unlock
}

// InProcessConn connects through the valve.
func (v *valve) InProcessConn() (net.Conn, error) {
	conn, err := v.to.InProcessConn()
	return &valvedConn{conn, v}, err
}

type valvedConn struct {
	net.Conn
	valve *valve
}

// Read gives what the server said, once the valve is open.
func (c *valvedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.valve.mu.RLock()
	defer c.valve.mu.RUnlock()
	return n, err
}
