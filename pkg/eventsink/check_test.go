package eventsink_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/schema"
)

// check checks, wants nothing to change by that, and returns what is found of a
// kind.
func (w *world) check(kind schema.EventKind) []schema.Finding {
	w.t.Helper()
	before := w.stored(kind)
	findings, err := w.Check(w.t.Context(), w.org())
	must(w.t, err)
	for _, asked := range w.proxy.requests() {
		if !strings.HasPrefix(asked, http.MethodGet) {
			w.t.Errorf("a check asks %s", asked)
		}
	}
	if after := w.stored(kind); before.Active != after.Active || before.SinkSID != after.SinkSID || before.SubscriptionSID != after.SubscriptionSID {
		w.t.Errorf("a check changed %+v to %+v", before, after)
	}
	for _, f := range findings {
		if f.OrganizationID != w.org() || f.Detail == "" || (f.Severity == schema.SeverityOK) != (f.Advice == "") {
			w.t.Errorf("finding %+v", f)
		}
	}
	return slices.DeleteFunc(findings, func(f schema.Finding) bool { return f.Check != "events.sinks."+string(kind) })
}

// Each way in which what is stored and what is at Twilio can differ is told,
// with what to do, and doing it mends it.
func TestCheck(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	setUp := func(w *world) { w.setUp(schema.CallEvents) }
	mutate := func(change func(w *world, types []schema.SubscribedType) []schema.SubscribedType) func(*world) {
		return func(w *world) {
			types := change(w, slices.Clone(subscribedTypes[schema.CallEvents]))
			_, err := w.twilio.UpdateEventSubscription(w.t.Context(), w.account, w.setUp(schema.CallEvents).SubscriptionSID, types)
			must(w.t, err)
		}
	}
	const setup, update = "/api/twilio/setup-event-sink", "/api/twilio/update-event-subscription"
	for what, test := range map[string]struct {
		prepare        func(*world)
		severity       schema.Severity
		detail, advice string
	}{
		"all is well":                       {setUp, schema.SeverityOK, "Twilio delivers", ""},
		"nothing is set up":                 {situations["nothing is there"], schema.SeverityWarning, "not set up", setup},
		"the subscription was deleted":      {situations["the subscription was deleted by hand"], schema.SeverityFailed, "subscription DF", setup},
		"both were deleted":                 {situations["both were deleted by hand"], schema.SeverityFailed, "subscription DF", setup},
		"the public address changed":        {situations["the public address changed"], schema.SeverityFailed, "does not deliver to " + public, setup},
		"a set-up was interrupted":          {situations["sinks are left over"], schema.SeverityWarning, "interrupted or forgotten", setup},
		"types are old, missing and futile": {situations["types are out of date"], schema.SeverityWarning, callback + "call.answered", update},
		"a type is missing": {mutate(func(_ *world, types []schema.SubscribedType) []schema.SubscribedType { return types[1:] }),
			schema.SeverityWarning, summary, update},
		"a version is old": {mutate(func(_ *world, types []schema.SubscribedType) []schema.SubscribedType {
			types[0].Version = 1
			return types
		}), schema.SeverityWarning, summary, update},
		"a type is futile": {mutate(func(_ *world, types []schema.SubscribedType) []schema.SubscribedType {
			return append(types, schema.SubscribedType{Type: callback + "call.ringing", Version: 2})
		}), schema.SeverityWarning, "1 event types more", update},
		"a removal was interrupted": {func(w *world) {
			must(w.t, w.db.SaveEventStreaming(w.t.Context(), w.org(), schema.CallEvents, schema.EventStreaming{SinkSID: w.setUp(schema.CallEvents).SinkSID}))
		}, schema.SeverityFailed, "interrupted", setup},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			test.prepare(w)
			w.proxy.meddling(nil)
			findings := w.check(schema.CallEvents)
			if len(findings) != 1 {
				t.Fatalf("findings %+v", findings)
			}
			f := findings[0]
			if f.Severity != test.severity || !strings.Contains(f.Detail, test.detail) || !strings.Contains(f.Advice, test.advice) {
				t.Errorf("%+v\nwant %s, %q, %q", f, test.severity, test.detail, test.advice)
			}
			mend := w.impatient(nil).Setup
			if test.advice == update {
				mend = w.impatient(nil).Update
			}
			_, err := mend(t.Context(), w.org(), schema.CallEvents)
			must(t, err)
			w.proxy.meddling(nil)
			if findings := w.check(schema.CallEvents); len(findings) != 1 || findings[0].Severity != schema.SeverityOK {
				t.Errorf("it is not mended: %+v", findings)
			}
		})
	}
}

// The sink's status is told as well.
func TestCheckOfASink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.setUp(schema.CallEvents)
	for status, severity := range map[string]schema.Severity{"failed": schema.SeverityFailed, "validating": schema.SeverityWarning} {
		w.proxy.meddling(w.showing(first.SinkSID, func(sink map[string]any) { sink["status"] = status }))
		if f := w.check(schema.CallEvents)[0]; f.Severity != severity || !strings.Contains(f.Detail, status) {
			t.Errorf("%+v", f)
		}
	}
	w.proxy.meddling(w.showing(first.SinkSID, func(sink map[string]any) { sink["sid"] = newSID("DG") }))
	if f := w.check(schema.CallEvents)[0]; f.Severity != schema.SeverityFailed || !strings.Contains(f.Detail, "deleted") {
		t.Errorf("%+v", f)
	}
}

// A second sink of ours is told besides, somebody else's is not.
func TestCheckFindsLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setUp(schema.CallEvents)
	w.sink("by hand", w.destination(public, schema.CallEvents))
	w.sink("callstream "+w.org()+" call", w.destination("https://staging.example.com", schema.CallEvents))
	w.proxy.meddling(nil)
	if findings := w.check(schema.CallEvents); len(findings) != 1 {
		t.Errorf("%+v", findings)
	}
	left := w.sink("callstream "+w.org()+" call", w.destination(public, schema.CallEvents))
	findings := w.check(schema.CallEvents)
	if len(findings) != 2 || findings[0].Severity != schema.SeverityOK || findings[1].Severity != schema.SeverityWarning || !strings.Contains(findings[1].Detail, left) {
		t.Errorf("%+v", findings)
	}
	w.setUp(schema.CallEvents)
	w.proxy.meddling(nil)
	if findings := w.check(schema.CallEvents); len(findings) != 1 {
		t.Errorf("%+v", findings)
	}
}

// Types that the account is not offered are no reason to update for ever.
func TestCheckOfTypesThatAreNotOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	offered := w.catalogue(map[string]string{
		callback + "call.answered": "available", deprecated + "call.completed": "deprecated", callback + "recording.processed": "available",
	})
	w.proxy.meddling(offered)
	w.setUp(schema.CallEvents)
	w.proxy.meddling(offered)
	findings := w.check(schema.CallEvents)
	if len(findings) != 1 || !strings.Contains(findings[0].Detail, "does not offer the account "+summary) || strings.Contains(findings[0].Detail, "call.completed") {
		t.Errorf("%+v", findings)
	}
}

// Kinds are told apart: SMS may well be left alone.
func TestCheckOfBothKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setUp(schema.CallEvents)
	w.proxy.meddling(nil)
	if f := w.check(schema.SMSEvents); len(f) != 1 || f[0].Severity != schema.SeverityOK || !strings.Contains(f[0].Detail, "not set up") {
		t.Errorf("%+v", f)
	}
	if f := w.check(schema.CallEvents); len(f) != 1 || f[0].Severity != schema.SeverityOK {
		t.Errorf("%+v", f)
	}
	for _, operation := range []string{"GET /v1/Sinks", "GET /v1/Subscriptions", "GET /v1/Subscriptions/SID/SubscribedEvents"} {
		w.proxy.meddling(refusing(operation, 503, 20503, "away"))
		_, err := w.Check(t.Context(), w.org())
		wantCode(t, err, schema.Unavailable, w.org())
	}
	_, err := w.impatient(func(c *eventsink.Config) { c.BaseURL = "" }).Check(t.Context(), w.org())
	wantCode(t, err, schema.Invalid)
}
