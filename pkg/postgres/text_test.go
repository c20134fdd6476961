package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// A party that Postgres cannot even compare is unknown; the calls that are
// looked up with it are found all the same.
func TestANumberThatPostgresCannotRead(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	account, org := w.account.AccountSID, w.account.OrganizationID
	for _, unreadable := range []string{"sip:a\x00b@example.com", "client:\xff"} {
		got, err := w.ResolvePhoneAndDirection(t.Context(), []schema.PhoneQuery{
			{AccountSID: account, From: unreadable, To: "client:x", Leg: schema.LegInbound},
			{AccountSID: account, From: unreadable, To: ours, Leg: schema.LegInbound},
			{AccountSID: account, From: ours, To: theirs},
		})
		must(t, err)
		want := []schema.Resolution{
			{AccountOrg: org, Direction: schema.Inbound},
			{OrganizationID: org, AccountOrg: org, Direction: schema.Inbound, PhoneNumber: ours},
			{OrganizationID: org, AccountOrg: org, Direction: schema.Outbound, PhoneNumber: ours},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", unreadable, diff)
		}
		check := w.IsRecordingEnabled(t.Context(), schema.PhoneQuery{AccountSID: account, From: unreadable, To: ours})
		if !check.Enabled {
			t.Errorf("%q: %+v", unreadable, check)
		}
		check = w.IsRecordingEnabled(t.Context(), schema.PhoneQuery{AccountSID: account, From: unreadable, To: theirs})
		if check.Enabled || check.Rule != schema.RuleNumberUnknown {
			t.Errorf("%q to a stranger: %+v", unreadable, check)
		}
	}
}

// One event whose identity holds such text must not keep back its batch, and
// is one line however often it is told.
func TestAMessageIDThatPostgresCannotKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	odd := w.update(schema.KindInsightsSummary, schema.CallFacts{CallSID: callSID(1), Duration: ptr(7)})
	odd.Entry.MsgID += ":\x00"
	odd.Creates = false
	w.merge(odd, w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(1)}))
	w.merge(odd)
	if got := w.record(callSID(1)); got.Duration == nil {
		t.Error("the row lacks what the odd event knew")
	}
	lines, err := w.Timeline(t.Context(), "", callSID(1))
	if err != nil || len(lines) != 2 {
		t.Errorf("timeline %+v, %v", lines, err)
	}
}

func TestAReasonThatPostgresCannotKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.Park(t.Context(), "recorder", 1, time.Now(), "Twilio said \x00\xff"))
	if n, err := w.Parked(t.Context(), "recorder"); n != 1 || err != nil {
		t.Errorf("%d are parked, %v", n, err)
	}
	w.save(recording(1, w.call(1)), false)
	odd := schema.Transcript{Text: "a", Language: "e\x00", Model: "m\xff"}
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), odd))
	if got := w.stored(1).Transcript; got == nil || got.Language != "e\uFFFD" || got.Model != "m\uFFFD" {
		t.Errorf("transcript %+v", got)
	}
}
