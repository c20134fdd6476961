package eventsink_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// remove removes and wants it to succeed.
func (w *world) remove(kind schema.EventKind, forget bool) schema.SinkRemoval {
	w.t.Helper()
	removal, err := w.Remove(w.t.Context(), w.org(), kind, forget)
	must(w.t, err)
	return removal
}

// wantCleared wants nothing of a kind to be stored.
func (w *world) wantCleared(kind schema.EventKind) {
	w.t.Helper()
	stored := w.stored(kind)
	stored.TestedAt = nil
	if stored != (schema.EventStreaming{}) {
		w.t.Errorf("stored: %+v", stored)
	}
}

// Each kind goes by itself, the subscription before its sink.
func TestRemove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setUp(schema.SMSEvents)
	w.setUp(schema.CallEvents)
	w.proxy.meddling(nil)
	if diff := cmp.Diff(schema.SinkRemoval{Kind: schema.CallEvents, Removed: true}, w.remove(schema.CallEvents, false)); diff != "" {
		t.Error(diff)
	}
	var deleted []string
	for _, asked := range w.proxy.requests() {
		if strings.HasPrefix(asked, http.MethodDelete) {
			deleted = append(deleted, asked)
		}
	}
	if diff := cmp.Diff([]string{"DELETE /v1/Subscriptions/SID", "DELETE /v1/Sinks/SID"}, deleted); diff != "" {
		t.Error(diff)
	}
	w.wantCleared(schema.CallEvents)
	w.wantOne(schema.SMSEvents)
	w.wantCount(1, 1)
	if diff := cmp.Diff(schema.SinkRemoval{Kind: schema.CallEvents}, w.remove(schema.CallEvents, false)); diff != "" {
		t.Errorf("nothing was there: %s", diff)
	}
	w.wantOne(schema.SMSEvents)
}

// What was deleted by hand is gone all the same.
func TestRemoveWhatIsGone(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for _, what := range []string{"the subscription was deleted by hand", "both were deleted by hand"} {
		w := newWorldOn(t, db)
		situations[what](w)
		if diff := cmp.Diff(schema.SinkRemoval{Kind: schema.CallEvents, Removed: true}, w.remove(schema.CallEvents, false)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		w.wantCleared(schema.CallEvents)
		w.wantCount(0, 0)
	}
}

// What an interrupted set-up made goes, though nothing of it is stored; what is
// somebody else's stays.
func TestRemoveWhatIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	situations["sinks are left over"](w)
	ours := "callstream " + w.org() + " call"
	adopted := w.sink("by hand", w.destination(public, schema.CallEvents))
	w.subscribe(adopted, ours, subscribedTypes[schema.CallEvents]...)
	w.subscribe(w.sink(ours, w.destination(public, schema.CallEvents)), "by hand", subscribedTypes[schema.CallEvents]...)
	w.sink(ours, w.destination("https://staging.example.com", schema.CallEvents))
	w.sink("by hand", w.destination(public, schema.CallEvents))
	if removal := w.remove(schema.CallEvents, false); !removal.Removed || removal.Warning != "" {
		t.Errorf("%+v", removal)
	}
	w.wantCount(3, 1)
}

// A sink that stays is told of, and is no reason to go on saying that events
// come.
func TestTheSinkStays(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, test := range map[string]struct {
		prepare func(w *world, setup schema.SinkSetup)
		warning string
	}{
		"somebody else subscribed it": {func(w *world, setup schema.SinkSetup) {
			w.proxy.meddling(once("DELETE /v1/Sinks/SID", func() {
				_, err := w.twilio.CreateSubscription(context.WithoutCancel(w.t.Context()), w.account, setup.SinkSID, "by hand", subscribedTypes[schema.SMSEvents])
				if err != nil {
					w.t.Error(err)
				}
			}))
		}, "somebody else's subscription uses it"},
		"Twilio went away": {func(w *world, _ schema.SinkSetup) {
			w.proxy.meddling(refusing("DELETE /v1/Sinks/SID", 503, 20503, "away"))
		}, "delete it in the Twilio console"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			setup := w.setUp(schema.CallEvents)
			test.prepare(w, setup)
			removal := w.remove(schema.CallEvents, false)
			if !removal.Removed || !strings.Contains(removal.Warning, test.warning) || !strings.Contains(removal.Warning, setup.SinkSID) {
				t.Errorf("%+v, want a warning that %s", removal, test.warning)
			}
			w.wantCleared(schema.CallEvents)
		})
	}
}

// A subscription that somebody else has put in the place of ours is theirs.
func TestSomebodyElseSubscribedOurSink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	situations["the subscription was deleted by hand"](w)
	sink := w.stored(schema.CallEvents).SinkSID
	theirs := w.subscribe(sink, "by hand", subscribedTypes[schema.SMSEvents]...)
	if removal := w.remove(schema.CallEvents, false); !strings.Contains(removal.Warning, "somebody else's") {
		t.Errorf("%+v", removal)
	}
	w.wantCleared(schema.CallEvents)
	if left := w.subscriptions(); len(left) != 1 || left[0].SID != theirs {
		t.Errorf("left: %+v", left)
	}
	if setup := w.setUp(schema.CallEvents); setup.SinkSID == sink {
		t.Errorf("their sink is used: %+v", setup)
	}
}

// As long as the subscription may go on, it stays stored.
func TestTheSubscriptionStays(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, test := range map[string]struct {
		status, twilio int
		code           schema.Code
	}{
		"Twilio is away":           {503, 20503, schema.Unavailable},
		"the credentials are dead": {401, 20003, schema.Unauthorized},
		"Twilio will not":          {400, 20001, schema.Refused},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			w.setUp(schema.CallEvents)
			w.proxy.meddling(refusing("DELETE /v1/Subscriptions/SID", test.status, test.twilio, "no"))
			_, err := w.Remove(t.Context(), w.org(), schema.CallEvents, false)
			wantCode(t, err, test.code)
			w.wantOne(schema.CallEvents)
		})
	}
}

// The stored subscription can be ended while lists cannot be read; that leaves
// a doubt, which is told.
func TestListsCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setUp(schema.CallEvents)
	w.proxy.meddling(refusing("GET /v1/Sinks", 503, 20503, "away"))
	if removal := w.remove(schema.CallEvents, false); !removal.Removed || !strings.Contains(removal.Warning, "left over") {
		t.Errorf("%+v", removal)
	}
	w.wantCleared(schema.CallEvents)
	w.wantCount(0, 0)
	_, err := w.Remove(t.Context(), w.org(), schema.CallEvents, false)
	wantCode(t, err, schema.Unavailable) // with nothing stored, nothing at all is known
}

// An account whose credentials are dead can be let go, knowing what stays.
func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	setup := w.setUp(schema.CallEvents)
	w.proxy.meddling(func(_ int, rw http.ResponseWriter, _ *http.Request) bool {
		return refuse(rw, 401, 20003, "Authenticate")
	})
	_, err := w.Remove(t.Context(), w.org(), schema.CallEvents, false)
	wantCode(t, err, schema.Unauthorized, "forget")
	w.proxy.meddling(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		t.Errorf("Twilio is asked %s", r.URL.Path)
		return false
	})
	removal := w.remove(schema.CallEvents, true)
	for _, left := range []string{setup.SinkSID, setup.SubscriptionSID, w.account.AccountSID} {
		if !removal.Removed || !strings.Contains(removal.Warning, left) {
			t.Errorf("%+v does not name %s", removal, left)
		}
	}
	w.wantCleared(schema.CallEvents)
	if diff := cmp.Diff(schema.SinkRemoval{Kind: schema.CallEvents}, w.remove(schema.CallEvents, true)); diff != "" {
		t.Errorf("nothing was stored: %s", diff)
	}
	w.proxy.meddling(nil)
	w.setUp(schema.CallEvents) // with good credentials what was forgotten is found
	w.wantOne(schema.CallEvents)
	w.wantCount(1, 1)
}
