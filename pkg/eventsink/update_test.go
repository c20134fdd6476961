package eventsink_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/eventsink"
	"github.com/loquent/callstream/schema"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	situations["types are out of date"](w)
	w.proxy.meddling(nil)
	setup, err := w.Update(t.Context(), w.org(), schema.CallEvents)
	must(t, err)
	if stored := w.stored(schema.CallEvents); !setup.Reused || !setup.Test.Arrived || len(setup.Types) != 4 ||
		setup.SinkSID != stored.SinkSID || setup.SubscriptionSID != stored.SubscriptionSID {
		t.Errorf("%+v", setup)
	}
	for _, asked := range w.proxy.requests() {
		if asked == "POST /v1/Sinks" || asked == "POST /v1/Subscriptions" {
			t.Errorf("an update asked %s", asked)
		}
	}
	w.wantOne(schema.CallEvents)
}

// What is not there cannot be updated, and is not made by the way.
func TestNothingToUpdate(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for what, code := range map[string]schema.Code{
		"nothing is there":                     schema.NotFound,
		"sinks are left over":                  schema.NotFound,
		"the subscription was deleted by hand": schema.NotFound,
		"both were deleted by hand":            schema.NotFound,
		"the public address changed":           schema.Conflict,
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorldOn(t, db)
			situations[what](w)
			sinks, subscriptions := len(w.sinks()), len(w.subscriptions())
			_, err := w.Update(t.Context(), w.org(), schema.CallEvents)
			wantCode(t, err, code, "set the call events up")
			w.wantCount(sinks, subscriptions)
			w.wantTruth(schema.CallEvents)
		})
	}
}

// An update that fails leaves what is stored, which is there still.
func TestUpdateFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	situations["types are out of date"](w)
	had := w.stored(schema.CallEvents)
	for _, operation := range []string{
		"GET /v1/Subscriptions/SID", "GET /v1/Sinks", "GET /v1/Types/" + summary, "POST /v1/Subscriptions/SID/SubscribedEvents",
	} {
		w.proxy.meddling(refusing(operation, 503, 20503, "away"))
		_, err := w.Update(t.Context(), w.org(), schema.CallEvents)
		wantCode(t, err, schema.Unavailable)
		if now := w.stored(schema.CallEvents); now.SubscriptionSID != had.SubscriptionSID || !now.Active {
			t.Errorf("%s: stored %+v", operation, now)
		}
	}
}

// What cannot be begun says why, and asks Twilio for nothing.
func TestNothingCanBeDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bare, err := w.db.CreateOrganization(t.Context(), "without an account")
	must(t, err)
	homeless := w.impatient(func(c *eventsink.Config) { c.BaseURL = "" })
	w.proxy.meddling(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		t.Errorf("Twilio is asked %s", r.URL.Path)
		return false
	})
	for what, operate := range map[string]func(*eventsink.Sinks, string, schema.EventKind) error{
		"Setup": func(s *eventsink.Sinks, org string, kind schema.EventKind) error {
			_, err := s.Setup(t.Context(), org, kind)
			return err
		},
		"Update": func(s *eventsink.Sinks, org string, kind schema.EventKind) error {
			_, err := s.Update(t.Context(), org, kind)
			return err
		},
		"Remove": func(s *eventsink.Sinks, org string, kind schema.EventKind) error {
			_, err := s.Remove(t.Context(), org, kind, false)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			wantCode(t, operate(w.Sinks, bare, schema.CallEvents), schema.NotFound, bare)
			wantCode(t, operate(w.Sinks, w.org(), "fax"), schema.Invalid, "fax")
			wantCode(t, operate(homeless, w.org(), schema.CallEvents), schema.Invalid, "APP_HOST")
		})
	}
}

// Event Streams is at home in one region, and tokens in theirs.
func TestRegions(t *testing.T) {
	t.Parallel()
	db := newWorld(t).db
	for region, explained := range map[string]bool{"": false, "us1": false, "ie1": true} {
		w := newWorldOn(t, db)
		w.account.Region = region
		must(t, db.SaveTwilioAccount(t.Context(), w.account))
		w.proxy.meddling(func(_ int, rw http.ResponseWriter, _ *http.Request) bool {
			return refuse(rw, 401, 20003, "Authenticate")
		})
		_, setupErr := w.Setup(t.Context(), w.org(), schema.CallEvents)
		_, checkErr := w.Check(t.Context(), w.org())
		for _, err := range []error{setupErr, checkErr} {
			wantCode(t, err, schema.Unauthorized, "20003")
			if told := strings.Contains(err.Error(), "region us1 only"); told != explained {
				t.Errorf("region %q: %v", region, err)
			}
		}
	}
}
