package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestResolvePhoneAndDirection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const second, neighbours = "+15550001112", "+15550002222"
	must(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, second))
	must(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, "client:desk"))
	neighbour := w.neighbour(neighbours)
	org, account := w.account.OrganizationID, w.account.AccountSID

	cases := []struct {
		name string
		ask  schema.PhoneQuery
		want schema.Resolution
	}{
		{"to us", schema.PhoneQuery{AccountSID: account, From: theirs, To: ours, Leg: schema.LegOutboundAPI},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Inbound, PhoneNumber: ours}},
		{"from us", schema.PhoneQuery{AccountSID: account, From: ours, To: theirs, Leg: schema.LegInbound},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Outbound, PhoneNumber: ours}},
		{"between ours, inbound leg", schema.PhoneQuery{AccountSID: account, From: ours, To: second, Leg: schema.LegInbound},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Inbound, PhoneNumber: second}},
		{"between ours, outbound leg", schema.PhoneQuery{AccountSID: account, From: ours, To: second, Leg: schema.LegOutboundDial},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Outbound, PhoneNumber: ours}},
		{"between strangers", schema.PhoneQuery{AccountSID: account, From: theirs, To: "client:x", Leg: schema.LegTrunkingOriginating},
			schema.Resolution{AccountOrg: org, Direction: schema.Inbound}},
		{"withheld caller", schema.PhoneQuery{AccountSID: account, To: ours},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Inbound, PhoneNumber: ours}},
		{"client address of ours", schema.PhoneQuery{AccountSID: account, From: theirs, To: "client:desk"},
			schema.Resolution{OrganizationID: org, AccountOrg: org, Direction: schema.Inbound, PhoneNumber: "client:desk"}},
		{"nothing known", schema.PhoneQuery{AccountSID: account}, schema.Resolution{AccountOrg: org}},
		{"the neighbour's number on our account", schema.PhoneQuery{AccountSID: account, From: theirs, To: neighbours, Leg: schema.LegInbound},
			schema.Resolution{AccountOrg: org, Direction: schema.Inbound}},
		{"our number on the neighbour's account", schema.PhoneQuery{AccountSID: neighbour.AccountSID, From: theirs, To: ours, Leg: schema.LegInbound},
			schema.Resolution{AccountOrg: neighbour.OrganizationID, Direction: schema.Inbound}},
		{"nobody's account", schema.PhoneQuery{AccountSID: "AC0", From: theirs, To: ours, Leg: schema.LegInbound},
			schema.Resolution{Direction: schema.Inbound}},
	}
	queries := make([]schema.PhoneQuery, len(cases))
	for i, c := range cases {
		queries[i] = c.ask
	}
	got, err := w.ResolvePhoneAndDirection(t.Context(), queries)
	must(t, err)
	for i, c := range cases {
		if diff := cmp.Diff(c.want, got[i]); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestAPhoneNumberHasOneOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	must(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, ours))
	wantCode(t, w.AddPhoneNumber(t.Context(), neighbour.OrganizationID, ours), schema.Conflict)
	wantCode(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, "+1 (555) 000-1111"), schema.Invalid)
	wantCode(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, ""), schema.Invalid)
	wantCode(t, w.AddPhoneNumber(t.Context(), "00000000-0000-0000-0000-000000000000", "+15550009999"), schema.NotFound)
	wantCode(t, w.AddPhoneNumber(t.Context(), "nonsense", "+15550009999"), schema.Invalid)
}
