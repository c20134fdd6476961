package eventsink_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/schema"
)

const callback = "com.twilio.voice.status-callback."

func TestSetup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := time.Now()
	for _, kind := range schema.EventKinds {
		setup, err := w.Setup(t.Context(), w.org(), kind)
		must(t, err)
		w.wantOne(kind)
		stored := w.stored(kind)
		if !setup.Test.Arrived || setup.Test.At.Before(before.Truncate(time.Microsecond)) || setup.Test.Problem != "" {
			t.Errorf("the test event: %+v", setup.Test)
		}
		slices.Sort(setup.Types)
		want := schema.SinkSetup{
			Kind: kind, Destination: w.destination(public, kind), SinkSID: stored.SinkSID, SubscriptionSID: stored.SubscriptionSID,
			Test: setup.Test,
		}
		for _, subscribed := range subscribedTypes[kind] {
			want.Types = append(want.Types, subscribed.Type)
		}
		if diff := cmp.Diff(want, setup); diff != "" {
			t.Error(diff)
		}
	}
	w.wantCount(2, 2)
}

// A repeat finds all as it is, and only tests again.
func TestSetupAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.Setup(t.Context(), strings.ToUpper(w.org()), schema.CallEvents)
	must(t, err)
	w.proxy.meddling(nil)
	second, err := w.Setup(t.Context(), w.org(), schema.CallEvents)
	must(t, err)
	if !second.Reused || !second.Test.Arrived || !second.Test.At.After(first.Test.At) {
		t.Errorf("a repeat: %+v", second)
	}
	for _, asked := range w.proxy.requests() {
		if !strings.HasPrefix(asked, "GET ") && asked != "POST /v1/Sinks/SID/Test" {
			t.Errorf("a repeat asked %s", asked)
		}
	}
	w.wantOne(schema.CallEvents)
}

// The test event is all that depends on callstream being reachable.
func TestTheTestEventDoesNotArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	setup, err := w.Setup(t.Context(), w.org(), schema.SMSEvents)
	if err != nil || !setup.Test.Arrived { // which proves nothing for the next one
		t.Fatalf("%+v, %v", setup, err)
	}
	soon := w.impatient(func(c *eventsink.Config) { c.TestWait = 300 * time.Millisecond })
	for problem, meddle := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"APP_HOST": func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"result":"submitted"}`))
			return true
		},
		"not tested": func(w http.ResponseWriter, _ *http.Request) bool { return refuse(w, 503, 20503, "away") },
	} {
		w.proxy.meddling(on("POST /v1/Sinks/SID/Test", meddle))
		setup, err := soon.Setup(t.Context(), w.org(), schema.SMSEvents)
		must(t, err)
		if setup.Test.Arrived || !strings.Contains(setup.Test.Problem, problem) {
			t.Errorf("the test event: %+v, want a problem about %q", setup.Test, problem)
		}
		w.wantOne(schema.SMSEvents)
	}
}

// A sink that delivers to our URL is used, however the URL is spelled; one that
// does not is left alone.
func TestWhichSinkIsUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.db
	for what, test := range map[string]struct {
		destination string // %s: the organization
		used        bool
	}{
		"the very URL":      {public + "/twilio/events?org=%s&kind=call", true},
		"with credentials":  {"https://user:secret@calls.example.com/twilio/events?org=%s&kind=call", true},
		"spelled otherwise": {"https://CALLS.example.com:443/twilio/events?kind=call&org=%s#rc=3", true},
		"another kind":      {public + "/twilio/events?org=%s&kind=sms", false},
		"no kind":           {public + "/twilio/events?org=%s", false},
		"another host":      {"https://calls.example.org/twilio/events?org=%s&kind=call", false},
		"another port":      {public + ":8443/twilio/events?org=%s&kind=call", false},
		"without TLS":       {"http://calls.example.com/twilio/events?org=%s&kind=call", false},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			made := w.sink("by hand", fmt.Sprintf(test.destination, w.org()))
			setup := w.setUp(schema.CallEvents)
			if used := setup.SinkSID == made; used != test.used || setup.Reused {
				t.Errorf("used: %t, want %t; %+v", used, test.used, setup)
			}
			if strings.Contains(setup.Destination, "secret") {
				t.Error("credentials came out")
			}
			w.wantCount(map[bool]int{true: 1, false: 2}[test.used], 1)
		})
	}
}

// What Twilio shows of a sink decides as well as its URL.
func TestSinksThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, show := range map[string]func(sink map[string]any){
		"asks by GET":   func(sink map[string]any) { sink["sink_configuration"].(map[string]any)["method"] = "GET" },
		"no webhook":    func(sink map[string]any) { sink["sink_type"] = "kinesis" },
		"failed":        func(sink map[string]any) { sink["status"] = "failed" },
		"not validated": func(sink map[string]any) { sink["status"] = "initialized" },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			made := w.sink("by hand", w.destination(public, schema.CallEvents))
			w.proxy.meddling(w.showing(made, show))
			if setup := w.setUp(schema.CallEvents); setup.SinkSID == made {
				t.Error("it was used")
			}
			w.wantCount(2, 1)
		})
	}
}

// showing changes how a sink is listed.
func (w *world) showing(sinkSID string, show func(sink map[string]any)) func(int, http.ResponseWriter, *http.Request) bool {
	return on("GET /v1/Sinks", func(rw http.ResponseWriter, r *http.Request) bool {
		return w.proxy.edited(rw, r, func(answer map[string]any) {
			for _, sink := range answer["sinks"].([]any) {
				if sink := sink.(map[string]any); sink["sid"] == sinkSID {
					show(sink)
				}
			}
		})
	})
}

// A sink that Twilio has given up is replaced.
func TestTheStoredSinkFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.setUp(schema.CallEvents)
	w.proxy.meddling(w.showing(first.SinkSID, func(sink map[string]any) { sink["status"] = "failed" }))
	if second := w.setUp(schema.CallEvents); second.SinkSID == first.SinkSID || second.Reused {
		t.Errorf("the failed sink is used again: %+v", second)
	}
	w.wantOne(schema.CallEvents)
	w.wantCount(1, 1)
}

// A sink has one subscription. Ours is corrected, also one that somebody made
// by hand just as we would; any other is somebody else's.
func TestWhoseSubscriptionItIs(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	types := subscribedTypes[schema.CallEvents]
	unversioned := make([]schema.SubscribedType, 0, len(types))
	for _, kind := range types {
		unversioned = append(unversioned, schema.SubscribedType{Type: kind.Type})
	}
	for what, test := range map[string]struct {
		description string // %s: the organization
		types       []schema.SubscribedType
		reused      bool
	}{
		"our description":        {"callstream %s call", types[:1], true},
		"our types":              {"by hand", unversioned, true},
		"some of our types":      {"by hand", types[:2], false},
		"more than our types":    {"by hand", append(types[:4:4], schema.SubscribedType{Type: callback + "call.ringing"}), false},
		"as many, but not ours":  {"by hand", append(types[:3:3], schema.SubscribedType{Type: callback + "call.ringing"}), false},
		"our other description":  {"callstream %s sms", types[:1], false},
		"another organization's": {"callstream x%s call", types[:1], false},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			describe := strings.NewReplacer("%s", w.org())
			sub := w.subscribe(w.sink("by hand", w.destination(public, schema.CallEvents)), describe.Replace(test.description), test.types...)
			before := w.subscribed(sub)
			setup := w.setUp(schema.CallEvents)
			if setup.Reused != test.reused || (setup.SubscriptionSID == sub) != test.reused {
				t.Errorf("%+v", setup)
			}
			if test.reused {
				w.wantOne(schema.CallEvents)
				return
			}
			w.wantCount(2, 2)
			if diff := cmp.Diff(before, w.subscribed(sub)); diff != "" {
				t.Errorf("somebody else's types changed: %s", diff)
			}
			w.setUp(schema.CallEvents)
			w.wantCount(2, 2)
		})
	}
}

// Lists come in pages, and what is looked for may be on any.
func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := w.setUp(schema.CallEvents)
	must(t, w.db.SaveEventStreaming(t.Context(), w.org(), schema.CallEvents, schema.EventStreaming{}))
	for i := range 6 {
		w.subscribe(w.sink("x", fmt.Sprintf("https://example.com/%d", i)), "x", subscribedTypes[schema.SMSEvents][0])
	}
	w.proxy.meddling(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "PageSize=1000", "PageSize=2", 1)
		return false
	})
	if got := w.setUp(schema.CallEvents); got.SubscriptionSID != want.SubscriptionSID {
		t.Error("it was not found")
	}
	w.wantCount(7, 7)
}

func TestAHundredSinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 100 {
		sink := w.sink("x", fmt.Sprintf("https://example.com/%d", i))
		if i%10 == 0 {
			w.subscribe(sink, "x", subscribedTypes[schema.SMSEvents][0])
		}
	}
	_, err := w.Setup(t.Context(), w.org(), schema.CallEvents)
	wantCode(t, err, schema.Refused, "at most 100", "90 of the account's 100 sinks have no subscription", "delete")
	if stored := w.stored(schema.CallEvents); stored != (schema.EventStreaming{}) {
		t.Errorf("stored %+v", stored)
	}
}

// When callstream moves to another host, sinks cannot move: there are new ones,
// and then the old ones go, whose URL nobody else can vouch for.
func TestThePublicAddressChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	moved := w.impatient(func(c *eventsink.Config) { c.BaseURL = "https://old.example.com/" })
	for _, kind := range schema.EventKinds {
		_, err := moved.Setup(t.Context(), w.org(), kind)
		must(t, err)
	}
	strangers := w.sink("callstream "+w.org()+" call", "https://staging.example.com/twilio/events?org="+w.org()+"&kind=call")
	for _, kind := range schema.EventKinds {
		if setup := w.setUp(kind); setup.Reused {
			t.Errorf("%+v", setup)
		}
	}
	for _, sink := range w.sinks() {
		if strings.HasPrefix(sink.Destination, "https://old.") {
			t.Errorf("left over: %+v", sink)
		}
	}
	must(t, func() error { _, err := w.twilio.DeleteSink(t.Context(), w.account, strangers); return err }())
	w.wantOne(schema.CallEvents)
	w.wantOne(schema.SMSEvents)
	w.wantCount(2, 2)
}
