package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

// list pages through all calls that the filter selects and returns their
// numbers.
func (w *world) list(org string, f schema.CallFilter) (numbers []int) {
	w.t.Helper()
	for {
		page, next, err := w.CallRecords(w.t.Context(), org, f)
		must(w.t, err)
		for _, r := range page {
			for n := range 20 {
				if r.CallSID == callSID(n) {
					numbers = append(numbers, n)
				}
			}
		}
		if f.Cursor = next; next == "" {
			return numbers
		}
	}
}

func TestCallsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Stored out of order, as history that is imported late; 5 and 6 at one time.
	for n, second := range map[int]int{1: 10, 2: 30, 3: 20, 4: 40, 5: 50, 6: 50} {
		w.merge(w.update("call.answered", schema.CallFacts{CallSID: callSID(n), StartedAt: at(second)}))
	}
	want := []int{6, 5, 4, 2, 3, 1}
	for _, limit := range []int{0, 1, 2, 3, 6, 7} {
		if diff := cmp.Diff(want, w.list(w.account.OrganizationID, schema.CallFilter{Limit: limit})); diff != "" {
			t.Errorf("in pages of %d:\n%s", limit, diff)
		}
	}
	_, _, err := w.CallRecords(t.Context(), "", schema.CallFilter{Cursor: "nonsense"})
	wantCode(t, err, schema.Invalid)
}

// Calls come in while somebody turns the pages: each that was there before is
// shown, once.
func TestPagesWhileCallsComeIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	place := func(n, second int) {
		w.merge(w.update("call.answered", schema.CallFacts{CallSID: callSID(n), StartedAt: at(second)}))
	}
	const before = 11
	for n := range before {
		place(n, n/2) // two share a time
	}
	seen := map[string]int{}
	filter := schema.CallFilter{Limit: 2}
	for added := before; ; added += 2 {
		page, next, err := w.CallRecords(t.Context(), w.account.OrganizationID, filter)
		must(t, err)
		for _, r := range page {
			seen[r.CallSID]++
		}
		if filter.Cursor = next; next == "" {
			break
		}
		place(added, added)    // a new one
		place(added+1, -added) // history that is imported late
	}
	for n := range before {
		if seen[callSID(n)] != 1 {
			t.Errorf("call %d was shown %d times", n, seen[callSID(n)])
		}
	}
	for sid, times := range seen {
		if times != 1 {
			t.Errorf("%s was shown %d times", sid, times)
		}
	}
}

func TestCallFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	make := func(n int, facts schema.CallFacts, direction schema.Direction) {
		facts.CallSID = callSID(n)
		u := w.update("call.answered", facts)
		u.Direction = direction
		w.merge(u)
	}
	make(1, schema.CallFacts{From: theirs, To: ours, StartedAt: at(10), Status: schema.StatusCompleted}, schema.Inbound)
	make(2, schema.CallFacts{From: ours, To: "+491701234567", StartedAt: at(20), Status: schema.StatusBusy}, schema.Outbound)
	make(3, schema.CallFacts{StartedAt: at(30)}, "")
	foreign := w.update("call.answered", schema.CallFacts{CallSID: callSID(4), StartedAt: at(40)})
	foreign.AccountSID, foreign.OrganizationID = neighbour.AccountSID, neighbour.OrganizationID
	w.merge(foreign)
	w.archive(1, callSID(1))
	must(t, w.SaveTranscript(t.Context(), recordingSID(1), schema.Transcript{Text: "The invoice is overdue, Müller said."}))

	off := decision(schema.NotStarted, schema.RuleDisabled)
	off.CallSID = callSID(2)
	_, err := w.SaveDecision(t.Context(), w.account.AccountSID, w.account.OrganizationID, off)
	must(t, err)

	org := w.account.OrganizationID
	for name, c := range map[string]struct {
		org    string
		filter schema.CallFilter
		want   []int
	}{
		"all of the organization":    {org, schema.CallFilter{}, []int{3, 2, 1}},
		"all of the neighbour":       {neighbour.OrganizationID, schema.CallFilter{}, []int{4}},
		"all of all":                 {"", schema.CallFilter{}, []int{4, 3, 2, 1}},
		"inbound":                    {org, schema.CallFilter{Direction: schema.Inbound}, []int{1}},
		"busy":                       {org, schema.CallFilter{Status: schema.StatusBusy}, []int{2}},
		"recorded":                   {org, schema.CallFilter{Recorded: ptr(true)}, []int{1}},
		"not recorded":               {org, schema.CallFilter{Recorded: ptr(false)}, []int{3, 2}},
		"not recorded for a reason":  {org, schema.CallFilter{Rule: schema.RuleDisabled}, []int{2}},
		"for no call's reason":       {org, schema.CallFilter{Rule: schema.RuleStale}, nil},
		"transcribed":                {org, schema.CallFilter{Transcribed: ptr(true)}, []int{1}},
		"not transcribed":            {org, schema.CallFilter{Transcribed: ptr(false)}, []int{3, 2}},
		"since":                      {org, schema.CallFilter{Since: *at(20)}, []int{3, 2}},
		"until":                      {org, schema.CallFilter{Until: *at(20)}, []int{1}},
		"part of a number":           {org, schema.CallFilter{Number: "4917"}, []int{2}},
		"a number that is a pattern": {org, schema.CallFilter{Number: "%"}, nil},
		"words":                      {org, schema.CallFilter{Text: "müller invoice"}, []int{1}},
		"a phrase":                   {org, schema.CallFilter{Text: `"invoice is overdue"`}, []int{1}},
		"words nobody said":          {org, schema.CallFilter{Text: "refund"}, nil},
		"the neighbour's search":     {neighbour.OrganizationID, schema.CallFilter{Text: "invoice"}, nil},
		"quotes":                     {org, schema.CallFilter{Text: `'; DROP TABLE call; --`}, nil},
		"several":                    {org, schema.CallFilter{Direction: schema.Inbound, Recorded: ptr(true), Number: "999", Limit: 1}, []int{1}},
	} {
		if diff := cmp.Diff(c.want, w.list(c.org, c.filter)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	_, _, err = w.CallRecords(t.Context(), org, schema.CallFilter{Status: "unheard-of"})
	wantCode(t, err, schema.Invalid)
	_, err = w.CallRecord(t.Context(), neighbour.OrganizationID, callSID(1))
	wantCode(t, err, schema.NotFound)
}

// A call of which no time is known is as old as its row.
func TestACallWithoutTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merge(w.update("call.answered", schema.CallFacts{CallSID: callSID(1)}))
	if got := w.list("", schema.CallFilter{Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
}

func TestAllCallRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const calls = 1201 // more than two batches
	updates := make([]schema.CallUpdate, calls)
	for i := range updates {
		updates[i] = w.update("call.answered", schema.CallFacts{CallSID: callSID(calls - i)})
	}
	w.merge(updates...)
	w.save(recording(1, callSID(1)), true)
	n := 0
	must(t, w.AllCallRecords(t.Context(), func(r schema.CallRecord) error {
		n++
		if r.CallSID != callSID(n) {
			t.Fatalf("the %d-th is %s", n, r.CallSID)
		}
		return nil
	}))
	if n != calls {
		t.Errorf("%d of %d calls", n, calls)
	}
	enough := errors.New("enough")
	if err := w.AllCallRecords(t.Context(), func(schema.CallRecord) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}
