package eventsink_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

// Two processes, each with connections of its own, set up at once.
func TestSetupTwiceAtOnce(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Postgres(t)
	w := newWorldOn(t, postgrestest.Open(t, url))
	other := postgrestest.Open(t, url)
	processes := []*eventsink.Sinks{
		w.impatient(nil), w.impatient(func(c *eventsink.Config) { c.Store, c.Locks = other, other }),
	}
	var running sync.WaitGroup
	for _, process := range processes {
		for _, kind := range schema.EventKinds {
			for range 2 {
				running.Go(func() {
					if _, err := process.Setup(t.Context(), w.org(), kind); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	running.Wait()
	for _, kind := range schema.EventKinds {
		w.wantOne(kind)
	}
	w.wantCount(2, 2)
}

// taken is a lock that somebody else holds, and the names that it was asked for
// by.
type taken struct{ names map[string]bool }

func (l taken) Exclusive(_ context.Context, name string, _ func(context.Context) error) error {
	l.names[name] = true
	return schema.Errorf(schema.Conflict, "somebody else is at %s", name)
}

// All that changes an organization's sinks waits for one and the same turn.
func TestOperationsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lock := taken{names: map[string]bool{}}
	waiting := w.impatient(func(c *eventsink.Config) { c.Locks = lock })
	for _, org := range []string{w.org(), strings.ToUpper(w.org())} {
		for _, kind := range schema.EventKinds {
			_, err := waiting.Setup(t.Context(), org, kind)
			wantCode(t, err, schema.Conflict)
			_, err = waiting.Update(t.Context(), org, kind)
			wantCode(t, err, schema.Conflict)
			for _, forget := range []bool{true, false} {
				_, err = waiting.Remove(t.Context(), org, kind, forget)
				wantCode(t, err, schema.Conflict)
			}
		}
	}
	if len(lock.names) != 1 || len(w.proxy.requests()) > 0 {
		t.Errorf("locked %v, asked %v", lock.names, w.proxy.requests())
	}
}

// unlocked is a lock that two processes believe to hold, as when one's
// connection was lost and it has not seen that yet.
type unlocked struct{}

func (unlocked) Exclusive(ctx context.Context, _ string, fn func(context.Context) error) error {
	return fn(ctx)
}

// once meddles with an operation the first time that it is asked for.
func once(name string, meddle func()) func(int, http.ResponseWriter, *http.Request) bool {
	var first sync.Once
	return on(name, func(http.ResponseWriter, *http.Request) bool {
		first.Do(meddle)
		return false
	})
}

// Even without a lock, whoever comes second goes on from what the first made.
func TestSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, test := range map[string]struct {
		before  string
		prepare func(*world)
	}{
		"to subscribe a free sink": {"POST /v1/Subscriptions", func(w *world) { w.sink("by hand", w.destination(public, schema.CallEvents)) }},
		"to correct the types":     {"GET /v1/Subscriptions/SID/SubscribedEvents", situations["types are out of date"]},
		"to do all of it":          {"GET /v1/Subscriptions", situations["nothing is there"]},
		"to make a sink":           {"POST /v1/Sinks", situations["nothing is there"]},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			test.prepare(w)
			second := w.impatient(func(c *eventsink.Config) { c.Locks = unlocked{} })
			first := w.impatient(func(c *eventsink.Config) { c.Locks, c.Twilio = unlocked{}, w.twilio })
			w.proxy.meddling(once(test.before, func() {
				if _, err := first.Setup(context.WithoutCancel(t.Context()), w.org(), schema.CallEvents); err != nil {
					t.Error(err)
				}
			}))
			_, err := second.Setup(t.Context(), w.org(), schema.CallEvents)
			must(t, err)
			w.setUp(schema.CallEvents) // once more, now that all is quiet
			w.wantOne(schema.CallEvents)
			w.wantCount(1, 1)
		})
	}
}

// A sink, or a subscription, that goes in between is made anew.
func TestSomebodyDeletesInBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sink := w.sink("by hand", w.destination(public, schema.CallEvents))
	w.proxy.meddling(once("POST /v1/Subscriptions", func() {
		if _, err := w.twilio.DeleteSink(context.WithoutCancel(t.Context()), w.account, sink); err != nil {
			t.Error(err)
		}
	}))
	setup := w.setUp(schema.CallEvents)
	w.wantOne(schema.CallEvents)
	w.proxy.meddling(once("GET /v1/Subscriptions/SID/SubscribedEvents", func() {
		if _, err := w.twilio.DeleteEventSubscription(context.WithoutCancel(t.Context()), w.account, setup.SubscriptionSID); err != nil {
			t.Error(err)
		}
	}))
	w.setUp(schema.CallEvents)
	w.wantOne(schema.CallEvents)
	w.wantCount(1, 1)
}

// A sink that always turns out to be in use is not tried for ever.
func TestAlwaysInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.proxy.meddling(refusing("POST /v1/Subscriptions", 400, 0, "Sink with SID DG0 is in use"))
	_, err := w.Setup(t.Context(), w.org(), schema.CallEvents)
	wantCode(t, err, schema.Conflict, "try again")
	if stored := w.stored(schema.CallEvents); stored.Active {
		t.Errorf("stored: %+v", stored)
	}
	w.proxy.meddling(nil)
	w.setUp(schema.CallEvents)
	w.wantOne(schema.CallEvents)
	w.wantCount(1, 1)
}
