package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// text stores a message of the account's, the n-th.
func (w *world) text(n int, a schema.Account, change func(*schema.MessageUpdated)) {
	w.t.Helper()
	u := schema.MessageUpdated{
		Header:     schema.Header{AccountSID: a.AccountSID, OrganizationID: a.OrganizationID, OccurredAt: *at(n)},
		MessageSID: messageSID(n), Status: schema.MessageSent, From: ours, To: theirs,
	}
	if change != nil {
		change(&u)
	}
	must(w.t, w.MergeMessages(w.t.Context(), []schema.MessageUpdated{u}))
}

func messageSID(n int) string { return fmt.Sprintf("SM%032x", n) }

// texts pages through all messages that the filter selects and returns their
// numbers.
func (w *world) texts(org string, f schema.MessageFilter) (numbers []int) {
	w.t.Helper()
	for {
		page, next, err := w.Messages(w.t.Context(), org, f)
		must(w.t, err)
		for _, r := range page {
			var n int
			_, err := fmt.Sscanf(r.MessageSID, "SM%x", &n)
			must(w.t, err)
			numbers = append(numbers, n)
		}
		if f.Cursor = next; next == "" {
			return numbers
		}
	}
}

func TestMessagesAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	w.text(1, w.account, nil)
	w.text(2, w.account, func(u *schema.MessageUpdated) { u.To, u.Status = "+491701234567", schema.MessageDelivered })
	w.text(3, neighbour, nil)
	w.text(4, w.account, func(u *schema.MessageUpdated) { u.From, u.To, u.Status = theirs, ours, schema.MessageReceived })
	w.text(5, w.account, func(u *schema.MessageUpdated) { u.From, u.To = "", "" })
	w.text(1, w.account, func(u *schema.MessageUpdated) { u.Status = schema.MessageDelivered }) // news, not a new one

	org := w.account.OrganizationID
	for name, c := range map[string]struct {
		org    string
		filter schema.MessageFilter
		want   []int
	}{
		"all of the organization":    {org, schema.MessageFilter{}, []int{5, 4, 2, 1}},
		"one by one":                 {org, schema.MessageFilter{Limit: 1}, []int{5, 4, 2, 1}},
		"in full pages":              {org, schema.MessageFilter{Limit: 2}, []int{5, 4, 2, 1}},
		"all of the neighbour":       {neighbour.OrganizationID, schema.MessageFilter{}, []int{3}},
		"all of all":                 {"", schema.MessageFilter{Limit: 3}, []int{5, 4, 3, 2, 1}},
		"of nobody":                  {nobody, schema.MessageFilter{}, nil},
		"delivered":                  {org, schema.MessageFilter{Status: schema.MessageDelivered, Limit: 1}, []int{2, 1}},
		"since":                      {org, schema.MessageFilter{Since: *at(2)}, []int{5, 4, 2}},
		"until":                      {org, schema.MessageFilter{Until: *at(4)}, []int{2, 1}},
		"part of a number":           {org, schema.MessageFilter{Number: "4917"}, []int{2}},
		"either party":               {org, schema.MessageFilter{Number: theirs}, []int{4, 1}},
		"a number that is a pattern": {org, schema.MessageFilter{Number: "%"}, nil},
		"quotes":                     {org, schema.MessageFilter{Number: "' OR true --"}, nil},
		"several":                    {org, schema.MessageFilter{Status: schema.MessageDelivered, Since: *at(2), Number: "+49"}, []int{2}},
		"a neighbour's number":       {neighbour.OrganizationID, schema.MessageFilter{Number: "4917"}, nil},
	} {
		if diff := cmp.Diff(c.want, w.texts(c.org, c.filter)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for _, f := range []schema.MessageFilter{{Status: "unheard-of"}, {Cursor: "nonsense"}} {
		_, _, err := w.Messages(t.Context(), org, f)
		wantCode(t, err, schema.Invalid)
	}
	if page, _, err := w.Messages(t.Context(), nobody, schema.MessageFilter{}); page == nil || err != nil {
		t.Errorf("an empty page is %v, %v", page, err)
	}
}

func TestAMessageAsItIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	w.text(1, w.account, func(u *schema.MessageUpdated) {
		u.Body, u.Segments, u.Media, u.ErrorCode, u.MessagingServiceSID = "hello", 2, 1, 30003, "MG1"
	})
	w.text(2, w.account, func(u *schema.MessageUpdated) { u.From = "" })
	got, err := w.Message(t.Context(), w.account.OrganizationID, messageSID(1))
	must(t, err)
	want := schema.MessageRecord{
		MessageSID: messageSID(1), AccountSID: w.account.AccountSID, Status: schema.MessageSent, From: ours, To: theirs, Body: "hello",
		Segments: 2, Media: 1, ErrorCode: 30003, MessagingServiceSID: "MG1", OccurredAt: *at(1), UpdatedAt: got.UpdatedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" || got.UpdatedAt.IsZero() {
		t.Error(diff)
	}
	listed, _, err := w.Messages(t.Context(), w.account.OrganizationID, schema.MessageFilter{Until: *at(2)})
	must(t, err)
	if diff := cmp.Diff([]schema.MessageRecord{got}, listed); diff != "" {
		t.Errorf("in a list it is otherwise:\n%s", diff)
	}
	if _, err := w.Message(t.Context(), "", messageSID(2)); err != nil {
		t.Errorf("the operator: %v", err)
	}
	for org, code := range map[string]schema.Code{neighbour.OrganizationID: schema.NotFound, nobody: schema.NotFound, "x": schema.Invalid} {
		_, err := w.Message(t.Context(), org, messageSID(1))
		wantCode(t, err, code)
	}
	_, err = w.Message(t.Context(), "", "SM\x00")
	wantCode(t, err, schema.NotFound)
}
