package ingress_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/schema"
)

// sinkTests is who is told of test events.
type sinkTests func(ctx context.Context, org string, kind schema.EventKind, at time.Time) error

func (s sinkTests) SinkTested(ctx context.Context, org string, kind schema.EventKind, at time.Time) error {
	return s(ctx, org, kind, at)
}

const (
	testBatch = `[{"type":"com.twilio.eventstreams.test-event","id":"` + accountSID + `","data":{"test_id":"1"}}]`
	sinkRoute = "/twilio/events?org=" + org + "&kind="
)

// A test event is told with the kind of its sink, by the time that Twilio hears
// that it arrived.
func TestTestEventsAreTold(t *testing.T) {
	t.Parallel()
	type told struct {
		Org  string
		Kind schema.EventKind
		At   time.Time
	}
	var all []told
	w := newWorld(t, func(c *ingress.Config) {
		c.SinkTests = sinkTests(func(_ context.Context, org string, kind schema.EventKind, at time.Time) error {
			all = append(all, told{org, kind, at})
			return nil
		})
	})
	w.status("sms", w.events(sinkRoute+"sms", testBatch), http.StatusNoContent)
	w.status("call", w.events(sinkRoute+"call", testBatch), http.StatusNoContent)
	w.status("no kind", w.events("/twilio/events?org="+org, testBatch), http.StatusNoContent)
	w.status("a kind that is none", w.events(sinkRoute+"fax", testBatch), http.StatusNoContent)
	w.status("no test", w.events(sinkRoute+"call", cloudEvent(statusCallback+"call.answered", mirror(answered))), http.StatusNoContent)
	w.status("a stranger", w.post(jsonRequest(otherToken, sinkRoute+"call", testBatch)), http.StatusForbidden)
	if diff := cmp.Diff([]told{{org, schema.SMSEvents, now}, {org, schema.CallEvents, now}}, all); diff != "" {
		t.Error(diff)
	}
}

// Somebody waits to see the test arrive: where it cannot be stored Twilio is to
// send it again, but not for ever where there is nothing to store it with.
func TestTestEventsThatCannotBeStored(t *testing.T) {
	t.Parallel()
	hang := silent(t)
	for what, test := range map[string]struct {
		tell   func() error
		status int
	}{
		"away":        {func() error { return away }, http.StatusServiceUnavailable},
		"silent":      {func() error { hang(); return nil }, http.StatusServiceUnavailable},
		"panics":      {func() error { panic("tested") }, http.StatusServiceUnavailable},
		"no settings": {func() error { return schema.Errorf(schema.NotFound, "no settings") }, http.StatusNoContent},
	} {
		w := newWorld(t, func(c *ingress.Config) {
			c.Budget = 100 * time.Millisecond
			c.SinkTests = sinkTests(func(context.Context, string, schema.EventKind, time.Time) error { return test.tell() })
		})
		w.status(what, w.events(sinkRoute+"sms", testBatch), test.status)
	}
	w := newWorld(t)
	w.status("nobody to tell", w.events(sinkRoute+"sms", testBatch), http.StatusNoContent)
}
