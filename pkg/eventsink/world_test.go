package eventsink_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

const (
	public = "https://calls.example.com"
	token  = "0123456789abcdef0123456789abcdef"
)

// today's types and versions.
var subscribedTypes = map[schema.EventKind][]schema.SubscribedType{
	schema.CallEvents: {
		{Type: "com.twilio.voice.insights.call-summary.complete", Version: 7},
		{Type: "com.twilio.voice.status-callback.call.answered", Version: 2},
		{Type: "com.twilio.voice.status-callback.call.completed", Version: 2},
		{Type: "com.twilio.voice.status-callback.recording.processed", Version: 2},
	},
	schema.SMSEvents: {
		{Type: "com.twilio.messaging.inbound-message.received", Version: 6},
		{Type: "com.twilio.messaging.message.delivered", Version: 8},
		{Type: "com.twilio.messaging.message.failed", Version: 8},
		{Type: "com.twilio.messaging.message.queued", Version: 8},
		{Type: "com.twilio.messaging.message.read", Version: 8},
		{Type: "com.twilio.messaging.message.sent", Version: 8},
		{Type: "com.twilio.messaging.message.undelivered", Version: 8},
	},
}

// world is an organization with an account at Twilio's double: the sinks under
// test reach it through the proxy, the test itself directly.
type world struct {
	*eventsink.Sinks
	t       *testing.T
	db      *postgres.DB
	config  eventsink.Config
	account schema.Account
	proxy   *proxy
	twilio  *twilio.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, postgrestest.New(t))
}

// newWorldOn makes a world on a database that others may be on too.
func newWorldOn(t *testing.T, db *postgres.DB) *world {
	t.Helper()
	org, err := db.CreateOrganization(t.Context(), t.Name())
	must(t, err)
	w := &world{t: t, db: db, account: schema.Account{OrganizationID: org, AccountSID: newSID("AC"), AuthTokens: []string{token}}}
	must(t, db.SaveTwilioAccount(t.Context(), w.account))
	arrivals := httptest.NewServer(http.HandlerFunc(w.arrive))
	t.Cleanup(arrivals.Close)
	sim, err := simulator.New(simulator.Config{
		AccountSID: w.account.AccountSID, AuthToken: token, OrganizationID: org, Numbers: []string{postgrestest.Number},
		Target: public, Dial: arrivals.URL,
	})
	must(t, err)
	t.Cleanup(func() { _ = sim.Close() })
	direct := httptest.NewServer(sim.Handler())
	t.Cleanup(direct.Close)
	w.proxy, w.twilio = newProxy(t, sim.Handler()), client(t, direct.URL)
	w.config = eventsink.Config{
		Store: db, Locks: db, Twilio: client(t, w.proxy.URL), BaseURL: public, TestWait: time.Minute,
	}
	w.Sinks = eventsink.New(w.config)
	return w
}

// arrive is what ingress does with a test event.
func (w *world) arrive(_ http.ResponseWriter, r *http.Request) {
	kind := schema.EventKind(r.URL.Query().Get("kind"))
	if err := w.db.SinkTested(r.Context(), r.URL.Query().Get("org"), kind, time.Now()); err != nil && r.Context().Err() == nil {
		w.t.Errorf("a test event of kind %q: %v", kind, err)
	}
}

// impatient makes sinks that do not wait for test events, changed as asked.
func (w *world) impatient(change func(*eventsink.Config)) *eventsink.Sinks {
	config := w.config
	config.TestWait = time.Nanosecond
	if change != nil {
		change(&config)
	}
	return eventsink.New(config)
}

func client(t *testing.T, url string) *twilio.Client {
	t.Helper()
	c, err := twilio.New(twilio.Config{APIURL: url, EventsURL: url})
	must(t, err)
	return c
}

func newSID(prefix string) string {
	var digits [16]byte
	_, _ = rand.Read(digits[:])
	return prefix + hex.EncodeToString(digits[:])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code schema.Code, words ...string) {
	t.Helper()
	if schema.CodeOf(err) != code {
		t.Fatalf("error %v is %q, want %q", err, schema.CodeOf(err), code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// setUp sets up and wants it to succeed.
func (w *world) setUp(kind schema.EventKind) schema.SinkSetup {
	w.t.Helper()
	setup, err := w.impatient(nil).Setup(w.t.Context(), w.org(), kind)
	must(w.t, err)
	return setup
}

func (w *world) org() string { return w.account.OrganizationID }

// destination is the URL that the kind's sink is to have, at a base URL.
func (w *world) destination(base string, kind schema.EventKind) string {
	return base + "/twilio/events?org=" + w.org() + "&kind=" + string(kind)
}

func (w *world) stored(kind schema.EventKind) schema.EventStreaming {
	w.t.Helper()
	settings, err := w.db.Settings(context.WithoutCancel(w.t.Context()), w.org())
	must(w.t, err)
	return settings.Events(kind)
}

func (w *world) sinks() []schema.Sink {
	w.t.Helper()
	sinks, err := w.twilio.ListSinks(w.t.Context(), w.account)
	must(w.t, err)
	return sinks
}

func (w *world) subscriptions() []schema.Subscription {
	w.t.Helper()
	subscriptions, err := w.twilio.ListSubscriptions(w.t.Context(), w.account, "")
	must(w.t, err)
	return subscriptions
}

// sink makes one by hand.
func (w *world) sink(description, destination string) string {
	w.t.Helper()
	sink, err := w.twilio.CreateSink(w.t.Context(), w.account, description, destination)
	must(w.t, err)
	return sink.SID
}

// subscribe subscribes a sink by hand.
func (w *world) subscribe(sinkSID, description string, types ...schema.SubscribedType) string {
	w.t.Helper()
	sub, err := w.twilio.CreateSubscription(w.t.Context(), w.account, sinkSID, description, types)
	must(w.t, err)
	return sub.SID
}

// subscribed are a subscription's types, sorted.
func (w *world) subscribed(subscriptionSID string) []schema.SubscribedType {
	w.t.Helper()
	types, err := w.twilio.ListSubscribedTypes(w.t.Context(), w.account, subscriptionSID)
	must(w.t, err)
	slices.SortFunc(types, func(a, b schema.SubscribedType) int { return strings.Compare(a.Type, b.Type) })
	return types
}

// wantOne wants one sink and one subscription of the kind at Twilio, with all
// types, and both stored as active.
func (w *world) wantOne(kind schema.EventKind) {
	w.t.Helper()
	var sinks []schema.Sink
	for _, s := range w.sinks() {
		if strings.HasSuffix(s.Destination, "kind="+string(kind)) {
			sinks = append(sinks, s)
		}
	}
	if len(sinks) != 1 || sinks[0].Destination != w.destination(public, kind) {
		w.t.Fatalf("sinks %+v, want one to %s", sinks, w.destination(public, kind))
	}
	var subscriptions []schema.Subscription
	for _, s := range w.subscriptions() {
		if s.SinkSID == sinks[0].SID {
			subscriptions = append(subscriptions, s)
		}
	}
	if len(subscriptions) != 1 {
		w.t.Fatalf("subscriptions %+v, want one", subscriptions)
	}
	if diff := cmp.Diff(subscribedTypes[kind], w.subscribed(subscriptions[0].SID)); diff != "" {
		w.t.Errorf("types: %s", diff)
	}
	got := w.stored(kind)
	want := schema.EventStreaming{Active: true, SinkSID: sinks[0].SID, SubscriptionSID: subscriptions[0].SID, TestedAt: got.TestedAt}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("stored: %s", diff)
	}
}

// wantCount wants so many sinks and subscriptions in the account.
func (w *world) wantCount(sinks, subscriptions int) {
	w.t.Helper()
	if s, u := w.sinks(), w.subscriptions(); len(s) != sinks || len(u) != subscriptions {
		w.t.Errorf("%d sinks and %d subscriptions, want %d and %d: %+v %+v", len(s), len(u), sinks, subscriptions, s, u)
	}
}
