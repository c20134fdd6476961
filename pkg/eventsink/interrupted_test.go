package eventsink_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

// The ways in which a step ends an operation.
const (
	refusedBefore = "before it was done"
	lostAfter     = "after it was done"
)

var interruptions = []string{refusedBefore, lostAfter}

// faultyStore is a database whose writes fail, before or after they are done.
type faultyStore struct {
	*postgres.DB
	fault string
}

func (f *faultyStore) SaveEventStreaming(ctx context.Context, org string, kind schema.EventKind, s schema.EventStreaming) error {
	if f.fault == lostAfter {
		if err := f.DB.SaveEventStreaming(ctx, org, kind, s); err != nil {
			return err
		}
	}
	if f.fault != "" {
		return schema.Errorf(schema.Unavailable, "the database went away %s", f.fault)
	}
	return f.DB.SaveEventStreaming(ctx, org, kind, s)
}

// interrupt breaks the step-th request.
func (w *world) interrupt(step int, how string) {
	w.proxy.meddling(func(n int, rw http.ResponseWriter, r *http.Request) bool {
		switch {
		case n < step:
			return false
		case n == step && how == lostAfter:
			return w.proxy.lost(r)
		}
		return refuse(rw, http.StatusServiceUnavailable, 20503, "away") // this process never comes back
	})
}

// situations are what a set-up of call events can find. Each ends, when all goes
// well, with one sink and one subscription.
var situations = map[string]func(*world){
	"nothing is there": func(*world) {},
	"all is there":     func(w *world) { w.setUp(schema.CallEvents) },
	"the subscription was deleted by hand": func(w *world) {
		_, err := w.twilio.DeleteEventSubscription(w.t.Context(), w.account, w.setUp(schema.CallEvents).SubscriptionSID)
		must(w.t, err)
	},
	"both were deleted by hand": func(w *world) {
		setup := w.setUp(schema.CallEvents)
		_, err := w.twilio.DeleteEventSubscription(w.t.Context(), w.account, setup.SubscriptionSID)
		must(w.t, err)
		_, err = w.twilio.DeleteSink(w.t.Context(), w.account, setup.SinkSID)
		must(w.t, err)
	},
	"types are out of date": func(w *world) {
		_, err := w.twilio.UpdateEventSubscription(w.t.Context(), w.account, w.setUp(schema.CallEvents).SubscriptionSID, []schema.SubscribedType{
			{Type: "com.twilio.voice.webhook.status-callback.call.answered", Version: 1},
			{Type: callback + "call.completed", Version: 1}, {Type: callback + "call.ringing", Version: 2},
		})
		must(w.t, err)
	},
	"the public address changed": func(w *world) {
		_, err := w.impatient(func(c *eventsink.Config) { c.BaseURL = "https://old.example.com" }).Setup(w.t.Context(), w.org(), schema.CallEvents)
		must(w.t, err)
	},
	"sinks are left over": func(w *world) {
		for range 2 {
			w.sink("callstream "+w.org()+" call", w.destination(public, schema.CallEvents))
		}
		w.subscribe(w.sink("callstream "+w.org()+" call", w.destination(public, schema.CallEvents)), "callstream "+w.org()+" call",
			subscribedTypes[schema.CallEvents][0])
	},
}

// interrupted breaks an operation at each of its requests, in each way, each
// time in a world of its own, then hands that world and the operation's error
// over.
func interrupted(t *testing.T, prepare func(*world), operate func(*world) error, check func(*world, error)) {
	db := newWorld(t).db
	rehearsal := newWorldOn(t, db)
	prepare(rehearsal)
	rehearsal.proxy.meddling(nil)
	must(t, operate(rehearsal))
	steps := rehearsal.proxy.requests()
	check(rehearsal, nil)
	for step, name := range steps {
		for _, how := range interruptions {
			t.Run(fmt.Sprintf("%d %s %s", step, name, how), func(t *testing.T) {
				w := newWorldOn(t, db)
				prepare(w)
				w.interrupt(step, how)
				err := operate(w)
				w.proxy.meddling(nil)
				check(w, err)
			})
		}
	}
}

// wantTruth wants what is stored as active to be at Twilio.
func (w *world) wantTruth(kind schema.EventKind) {
	w.t.Helper()
	stored := w.stored(kind)
	known := slices.ContainsFunc(w.subscriptions(), func(s schema.Subscription) bool {
		return s.SID == stored.SubscriptionSID && s.SinkSID == stored.SinkSID
	})
	if stored.Active && !known {
		w.t.Errorf("%+v is stored, but not at Twilio", stored)
	}
}

// A set-up that is interrupted at any request, before or after Twilio acted,
// is completed by a repeat.
func TestSetupInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	for what, prepare := range situations {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			interrupted(t, prepare, func(w *world) error {
				stale := w.stored(schema.CallEvents)
				_, err := w.impatient(nil).Setup(w.t.Context(), w.org(), schema.CallEvents)
				if now := w.stored(schema.CallEvents); err != nil && now.Active && now.SubscriptionSID != stale.SubscriptionSID {
					w.t.Errorf("%+v is stored as active, though %v", now, err)
				}
				return err
			}, func(w *world, err error) {
				if err != nil && schema.CodeOf(err) != schema.Unavailable {
					w.t.Errorf("a repeat is not invited: %v", err)
				}
				w.setUp(schema.CallEvents)
				w.wantOne(schema.CallEvents)
				w.wantCount(1, 1)
			})
		})
	}
}

// The same goes for what is stored.
func TestSetupInterruptedAtItsStore(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, prepare := range situations {
		for _, how := range interruptions {
			t.Run(what+" "+how, func(t *testing.T) {
				w := newWorldOn(t, db)
				prepare(w)
				broken := w.impatient(func(c *eventsink.Config) { c.Store = &faultyStore{db, how} })
				_, err := broken.Setup(t.Context(), w.org(), schema.CallEvents)
				wantCode(t, err, schema.Unavailable)
				w.setUp(schema.CallEvents)
				w.wantOne(schema.CallEvents)
				w.wantCount(1, 1)
			})
		}
	}
}

// A removal that is interrupted anywhere is completed by a repeat, and until
// then what is stored may be there still.
func TestRemoveInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	for what, prepare := range situations {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			interrupted(t, prepare, func(w *world) error {
				had := w.stored(schema.CallEvents)
				_, err := w.impatient(nil).Remove(w.t.Context(), w.org(), schema.CallEvents, false)
				if now := w.stored(schema.CallEvents); err != nil && now.SubscriptionSID != had.SubscriptionSID {
					w.t.Errorf("%+v is stored, though %v", now, err)
				}
				return err
			}, func(w *world, err error) {
				if err != nil && schema.CodeOf(err) != schema.Unavailable {
					w.t.Errorf("a repeat is not invited: %v", err)
				}
				if err == nil {
					w.wantTruth(schema.CallEvents)
				}
				// What a sink's failure has left behind was told, and the columns
				// of it are clear: only with our URL it is found again.
				_, err = w.Remove(w.t.Context(), w.org(), schema.CallEvents, false)
				must(w.t, err)
				if stored := w.stored(schema.CallEvents); stored.Active || stored.SinkSID != "" || stored.SubscriptionSID != "" {
					w.t.Errorf("still stored: %+v", stored)
				}
				if left := w.subscriptions(); len(left) > 0 {
					w.t.Errorf("left over: %+v", left)
				}
				for _, sink := range w.sinks() {
					if sink.Destination == w.destination(public, schema.CallEvents) {
						w.t.Errorf("left over: %+v", sink)
					}
				}
			})
		})
	}
}

func TestRemoveInterruptedAtItsStore(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, prepare := range situations {
		for _, how := range interruptions {
			t.Run(what+" "+how, func(t *testing.T) {
				w := newWorldOn(t, db)
				prepare(w)
				broken := w.impatient(func(c *eventsink.Config) { c.Store = &faultyStore{db, how} })
				_, err := broken.Remove(t.Context(), w.org(), schema.CallEvents, false)
				wantCode(t, err, schema.Unavailable)
				_, err = w.Remove(t.Context(), w.org(), schema.CallEvents, false)
				must(t, err)
				w.wantCount(0, 0)
			})
		}
	}
}

// Whoever gives up waiting interrupts too.
func TestNobodyWaitsForTheTestEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.proxy.meddling(on("POST /v1/Sinks/SID/Test", func(rw http.ResponseWriter, _ *http.Request) bool {
		defer cancel()
		rw.WriteHeader(http.StatusCreated)
		_, _ = rw.Write([]byte(`{"result":"submitted"}`))
		return true
	}))
	setup, err := w.Setup(ctx, w.org(), schema.CallEvents)
	if err != nil || setup.Test.Arrived || setup.Test.Problem == "" || !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("%+v, %v", setup, err)
	}
	w.wantOne(schema.CallEvents)
}
