package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

const (
	sink         = "DG000000000000000000000000000000d1"
	subscription = "DF000000000000000000000000000000d2"
)

func TestEventStreamingIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	for _, kind := range schema.EventKinds {
		other := schema.CallEvents
		if kind == other {
			other = schema.SMSEvents
		}
		untouched := w.settings(org).Events(other)
		active := schema.EventStreaming{Active: true, SinkSID: sink, SubscriptionSID: subscription, TestedAt: at(5)}
		w.wantLog("setting up", func() {
			must(t, w.SaveEventStreaming(w.boss(), org, kind, schema.EventStreaming{SinkSID: sink}))
			must(t, w.SaveEventStreaming(w.boss(), org, kind, active))
			must(t, w.SaveEventStreaming(w.boss(), org, kind, active))
		},
			`cli:boss@desk events.save `+string(kind)+` {"sink_sid": {"to": "`+sink+`", "from": ""}}`,
			`cli:boss@desk events.save `+string(kind)+` {"active": {"to": true, "from": false}, "subscription_sid": {"to": "`+subscription+`", "from": ""}}`)
		active.TestedAt = nil // is another's to say
		if diff := cmp.Diff(active, w.settings(org).Events(kind)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(untouched, w.settings(org).Events(other)); diff != "" {
			t.Errorf("%s changed with %s:\n%s", other, kind, diff)
		}
	}
	must(t, w.SaveEventStreaming(t.Context(), org, schema.SMSEvents, schema.EventStreaming{}))
	if got := w.settings(org).SMSEvents; got != (schema.EventStreaming{}) {
		t.Errorf("removed, it is %+v", got)
	}
}

// An account whose events Twilio still streams here is not left behind.
func TestTheAccountOfActiveEventsStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	moved := w.account
	moved.AccountSID = foreignAccount
	for _, kind := range schema.EventKinds {
		must(t, w.SaveEventStreaming(t.Context(), org, kind, schema.EventStreaming{Active: true, SinkSID: sink}))
		_, err := w.ChangeSettings(t.Context(), org, schema.SettingsChange{AccountSID: ptr(foreignAccount), AuthToken: ptr("token")})
		wantCode(t, err, schema.Conflict)
		wantCode(t, w.SaveTwilioAccount(t.Context(), moved), schema.Conflict)
		must(t, w.SaveTwilioAccount(t.Context(), w.account)) // the same one may be saved
		_, err = w.ChangeSettings(t.Context(), org, schema.SettingsChange{AccountSID: &w.account.AccountSID, AuthToken: ptr("token")})
		must(t, err)
		must(t, w.SaveEventStreaming(t.Context(), org, kind, schema.EventStreaming{}))
	}
	must(t, w.SaveTwilioAccount(t.Context(), moved))
}

// Test events arrive in any order, and several times.
func TestWhenASinkWasTested(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	for _, kind := range schema.EventKinds {
		var arrivals sync.WaitGroup
		for _, second := range []int{2, 9, 4, 9, 1} {
			arrivals.Go(func() {
				if err := w.SinkTested(t.Context(), org, kind, at(second).Add(time.Nanosecond)); err != nil {
					t.Error(err)
				}
			})
		}
		arrivals.Wait()
		if diff := cmp.Diff(at(9), w.settings(org).Events(kind).TestedAt); diff != "" {
			t.Errorf("%s:\n%s", kind, diff)
		}
		w.wantLog("a repeat", func() {
			must(t, w.SinkTested(t.Context(), org, kind, at(9).Add(time.Nanosecond)))
			must(t, w.SinkTested(t.Context(), org, kind, *at(3)))
		})
		w.wantLog("a later one", func() { must(t, w.SinkTested(t.Context(), org, kind, *at(10))) },
			`system events.test `+string(kind)+` {"tested_at": {"to": "2026-05-04T12:00:10Z", "from": "2026-05-04T12:00:09Z"}}`)
	}
}

func TestEventsOfNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bare, err := w.CreateOrganization(t.Context(), "Bare")
	must(t, err)
	for org, code := range map[string]schema.Code{bare: schema.NotFound, nobody: schema.NotFound, "nonsense": schema.Invalid} {
		wantCode(t, w.SaveEventStreaming(t.Context(), org, schema.SMSEvents, schema.EventStreaming{}), code)
		wantCode(t, w.SinkTested(t.Context(), org, schema.SMSEvents, noon), code)
	}
	for _, kind := range []schema.EventKind{"", "SMS", "sms_events_active = true, call"} {
		wantCode(t, w.SaveEventStreaming(t.Context(), w.account.OrganizationID, kind, schema.EventStreaming{Active: true}), schema.Invalid)
		wantCode(t, w.SinkTested(t.Context(), w.account.OrganizationID, kind, noon), schema.Invalid)
	}
}
