package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

func TestACallFromItsEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answered := w.update(schema.KindCallAnswered, schema.CallFacts{
		CallSID: callSID(1), From: theirs, To: ours, Leg: schema.LegInbound, Status: schema.StatusInProgress, AnsweredAt: at(2),
	})
	answered.Direction, answered.PhoneNumber = schema.Inbound, ours
	completed := w.update(schema.KindCallCompleted, schema.CallFacts{
		CallSID: callSID(1), Status: schema.StatusCompleted, EndedAt: at(59), Duration: ptr(57), Caller: "José & Söhne",
	})
	if diff := cmp.Diff([]bool{true, true}, w.merge(completed, answered)); diff != "" {
		t.Fatal(diff)
	}
	got := w.record(callSID(1))
	want := schema.CallRecord{
		CallFacts: schema.CallFacts{
			CallSID: callSID(1), From: theirs, To: ours, Leg: schema.LegInbound, Status: schema.StatusCompleted,
			AnsweredAt: at(2), EndedAt: at(59), Duration: ptr(57), Caller: "José & Söhne",
		},
		AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, Direction: schema.Inbound,
		PhoneNumber: ours, Recordings: []schema.RecordingRecord{},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(schema.CallRecord{}, "CreatedAt", "UpdatedAt")); diff != "" {
		t.Error(diff)
	}
	status, err := w.CallStatus(t.Context(), callSID(1))
	if err != nil || status != schema.StatusCompleted {
		t.Errorf("status %q, %v", status, err)
	}
}

func TestCallStatusUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.CallStatus(t.Context(), callSID(1))
	wantCode(t, err, schema.NotFound)
	w.call(1)
	if status, err := w.CallStatus(t.Context(), callSID(1)); err != nil || status != "" {
		t.Errorf("of a call without a status: %q, %v", status, err)
	}
}

func TestWhatMayNotCreateWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), Status: schema.StatusCompleted, EndedAt: at(9)})
	if joined := w.merge(ended); joined[0] {
		t.Error("joined a row that is not there")
	}
	_, err := w.CallRecord(t.Context(), "", callSID(1))
	wantCode(t, err, schema.NotFound)

	w.call(1)
	if got := w.record(callSID(1)); got.Status != schema.StatusCompleted || !got.EndedAt.Equal(*at(9)) || got.From != theirs {
		t.Errorf("the row lacks what waited: %+v", got.CallFacts)
	}
	if n := read[int](w, `SELECT count(*) FROM call_event WHERE pending IS NOT NULL`); n != 0 {
		t.Errorf("%d events still wait", n)
	}
	if joined := w.merge(ended); !joined[0] {
		t.Error("told again, it does not join the row that is there now")
	}
}

// A callback and an Event Stream tell one fact under one message id, each with
// details of its own.
func TestTwoTellingsOfOneFactBothWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), EndedAt: at(9)})
	second := w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), Duration: ptr(7)})
	third := w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), TrunkSID: "TK1"})
	w.merge(first)
	w.merge(second, third, first)
	w.call(1)
	if got := w.record(callSID(1)); got.EndedAt == nil || got.Duration == nil || got.TrunkSID != "TK1" {
		t.Errorf("the row lacks a telling: %+v", got.CallFacts)
	}
}

// The process died after it stored the waiting event, before it looked for the
// row, which another process created meanwhile.
func TestACrashBetweenStoringAndJoining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merge(w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), EndedAt: at(9)}))
	w.exec(`INSERT INTO call (call_sid, account_sid, organization_id) VALUES ($1, $2, $3)`, callSID(1), w.account.AccountSID, w.account.OrganizationID)
	w.merge(w.joining(schema.KindInsightsSummary, schema.CallFacts{CallSID: callSID(1)}))
	if got := w.record(callSID(1)); got.EndedAt == nil {
		t.Error("the next event of the call did not take in what waited")
	}
}

// Somebody adds to a waiting event at the moment in which it is taken in: what
// was added must not be wiped unread.
func TestAddingToWhatIsBeingTakenIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.merge(w.joining(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), Duration: ptr(7)}))
	adding := w.sql.MustBegin()
	adding.MustExec(`UPDATE call_event SET pending = pending || jsonb_build_array(pending->0 || '{"trunk_sid": "TK1"}')`)

	creates := w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(1)})
	done := make(chan error, 1)
	go func() {
		_, err := w.MergeCalls(t.Context(), []schema.CallUpdate{creates})
		done <- err
	}()
	for !read[bool](w, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`) {
		must(t, t.Context().Err())
	}
	must(t, adding.Commit())
	must(t, <-done)
	if got := w.record(callSID(1)); got.TrunkSID != "TK1" || got.Duration == nil {
		t.Errorf("the row lacks what was added: %+v", got.CallFacts)
	}
}

func TestACreatorWithoutOwnerCreatesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(1)})
	u.OrganizationID = ""
	if joined := w.merge(u); joined[0] {
		t.Error("a row of nobody's")
	}
}

// A tenant signs events of its own account that name another's call.
func TestAnotherAccountsEventsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	forged := func(kind string, creates bool) schema.CallUpdate {
		u := w.update(kind, schema.CallFacts{CallSID: callSID(1), From: "zzz", Status: schema.StatusCompleted})
		u.AccountSID, u.OrganizationID, u.Creates = neighbour.AccountSID, neighbour.OrganizationID, creates
		u.Decision = &schema.Decision{Outcome: schema.NotStarted, Rule: schema.RuleTwiML, DecidedAt: noon}
		return u
	}
	own := w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(1), From: theirs, To: ours})
	joined := w.merge(own, forged("forged.1", true), forged("forged.2", false))
	joined = append(joined, w.merge(forged("forged.3", true), forged("forged.4", false))...)
	joined = append(joined, w.merge(own)...)
	if diff := cmp.Diff([]bool{true, false, false, false, false, true}, joined); diff != "" {
		t.Error(diff)
	}
	got := w.record(callSID(1))
	if got.From != theirs || got.Status != "" || got.Decision != nil || got.OrganizationID != w.account.OrganizationID {
		t.Errorf("the call was changed: %+v", got)
	}
	for _, n := range []string{"forged.1", "forged.3", "forged.4"} {
		if read[bool](w, `SELECT EXISTS (SELECT FROM call_event WHERE kind = $1)`, n) {
			t.Errorf("%s is on the timeline", n)
		}
	}
	if _, err := w.CallRecord(t.Context(), neighbour.OrganizationID, callSID(1)); schema.CodeOf(err) != schema.NotFound {
		t.Errorf("the neighbour sees the call: %v", err)
	}
}

func TestTextThatPostgresCannotKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.update(schema.KindCallAnswered, schema.CallFacts{
		CallSID: callSID(1), Caller: "a\x00b\xff", Status: "unheard-of", Leg: "sideways", To: `\u0000`,
	})
	u.Entry.Detail = "\x00"
	w.merge(u)
	got := w.record(callSID(1))
	if got.Caller != "a\uFFFDb\uFFFD" || got.Status != "" || got.Leg != "" || got.To != `\u0000` {
		t.Errorf("stored %+v", got.CallFacts)
	}
}

func TestDecisionsThatEventsCarry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.update(schema.KindCallReceived, schema.CallFacts{CallSID: callSID(1)})
	u.Decision = &schema.Decision{Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, DecidedAt: noon}
	w.merge(u)
	u.Decision = &schema.Decision{Outcome: schema.NotStarted, Rule: schema.RuleDisabled, DecidedAt: noon}
	w.merge(u)
	got := w.record(callSID(1)).Decision
	if got == nil || got.Outcome != schema.Started || got.CallSID != callSID(1) {
		t.Errorf("decision %+v", got)
	}
}

func TestMergingNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if joined := w.merge(); len(joined) != 0 {
		t.Error(joined)
	}
}

// factsOf draws what an event might say of the call.
func factsOf(callSID string) *rapid.Generator[schema.CallFacts] {
	return rapid.Custom(func(t *rapid.T) schema.CallFacts {
		party := rapid.SampledFrom([]string{"", "", "+15005550001", "+15005550006", "client:alice", "client:Zoë", "sip:bob@example.com"})
		moment := rapid.Custom(func(t *rapid.T) *time.Time {
			if second := rapid.IntRange(-1, 5).Draw(t, "second"); second >= 0 {
				return at(second)
			}
			return nil
		})
		return schema.CallFacts{
			CallSID:       callSID,
			ParentCallSID: rapid.SampledFrom([]string{"", "CA1", "CA2"}).Draw(t, "parent"),
			From:          party.Draw(t, "from"),
			To:            party.Draw(t, "to"),
			Leg:           rapid.SampledFrom(append([]schema.Leg{""}, schema.Legs...)).Draw(t, "leg"),
			Status:        rapid.SampledFrom(append([]schema.CallStatus{""}, schema.CallStatuses...)).Draw(t, "status"),
			StartedAt:     moment.Draw(t, "started"),
			AnsweredAt:    moment.Draw(t, "answered"),
			EndedAt:       moment.Draw(t, "ended"),
			Duration:      rapid.Ptr(rapid.IntRange(0, 40000), true).Draw(t, "duration"),
			TrunkSID:      rapid.SampledFrom([]string{"", "TK1", "TK2"}).Draw(t, "trunk"),
			Caller:        rapid.SampledFrom([]string{"", "alice", "Bob", "Ärzte"}).Draw(t, "caller"),
		}
	})
}

// updatesOf draws updates of a few calls, some of which may only join; message
// ids repeat, with other facts.
func (w *world) updatesOf(sids []string) *rapid.Generator[schema.CallUpdate] {
	return rapid.Custom(func(t *rapid.T) schema.CallUpdate {
		facts := factsOf(rapid.SampledFrom(sids).Draw(t, "call")).Draw(t, "facts")
		u := w.update(rapid.SampledFrom([]string{"call.answered", "call.completed", "insights.summary"}).Draw(t, "kind"), facts)
		u.Creates = rapid.IntRange(0, 2).Draw(t, "creates") == 0
		u.Direction = rapid.SampledFrom([]schema.Direction{"", schema.Inbound, schema.Outbound}).Draw(t, "direction")
		u.PhoneNumber = rapid.SampledFrom([]string{"", ours, "+15550003333"}).Draw(t, "phone")
		return u
	})
}

// model is what the updates say together, by call; a call that none of them
// creates is not there.
func model(updates []schema.CallUpdate) map[string]schema.CallRecord {
	calls := map[string]schema.CallRecord{}
	for _, u := range updates {
		r := calls[u.Facts.CallSID]
		r.CallFacts = r.Merge(u.Facts)
		r.Direction, r.PhoneNumber = max(r.Direction, u.Direction), max(r.PhoneNumber, u.PhoneNumber)
		if u.Creates {
			r.OrganizationID, r.AccountSID = u.OrganizationID, u.AccountSID
		}
		calls[u.Facts.CallSID] = r
	}
	for sid, r := range calls {
		if r.OrganizationID == "" {
			delete(calls, sid)
		}
	}
	return calls
}

// mergeAtOnce tells the updates in batches of any size, to a worker each.
func (w *world) mergeAtOnce(t *rapid.T, updates []schema.CallUpdate) error {
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		all     error
	)
	for rest := updates; len(rest) > 0; {
		n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
		batch := rest[:n]
		rest = rest[n:]
		workers.Go(func() {
			_, err := w.MergeCalls(w.t.Context(), batch)
			mu.Lock()
			defer mu.Unlock()
			all = errors.Join(all, err)
		})
	}
	workers.Wait()
	return all
}

// TestRowsAreAFunctionOfTheSet tells the same updates in any order, some of
// them again, in any grouping, to workers at once: the rows are what
// schema.CallFacts.Merge makes of the set.
func TestRowsAreAFunctionOfTheSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sids := []string{callSID(1), callSID(2), callSID(3)}
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(`TRUNCATE call, call_event`)
		updates := rapid.SliceOfN(w.updatesOf(sids), 1, 12).Draw(rt, "updates")
		again := rapid.SliceOfN(rapid.SampledFrom(updates), 0, 4).Draw(rt, "again")
		told := rapid.Permutation(append(updates[:len(updates):len(updates)], again...)).Draw(rt, "order")
		if err := w.mergeAtOnce(rt, told); err != nil {
			rt.Fatal(err)
		}
		got := map[string]schema.CallRecord{}
		must(t, w.AllCallRecords(t.Context(), func(r schema.CallRecord) error { got[r.CallSID] = r; return nil }))
		ignore := cmpopts.IgnoreFields(schema.CallRecord{}, "CreatedAt", "UpdatedAt", "Recordings")
		if diff := cmp.Diff(model(updates), got, ignore); diff != "" {
			rt.Fatalf("(-merge in Go +rows):\n%s", diff)
		}
	})
}

// Batches of the same calls in opposite orders, many at once: none deadlocks.
func TestOppositeOrdersDoNotBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const calls = 40
	var forth, back []schema.CallUpdate
	for i := range calls {
		forth = append(forth, w.update("forth", schema.CallFacts{CallSID: callSID(i), Duration: ptr(i)}))
		back = append(back, w.joining("back", schema.CallFacts{CallSID: callSID(calls - 1 - i), EndedAt: at(1)}))
	}
	var workers sync.WaitGroup
	for range 4 {
		for _, batch := range [][]schema.CallUpdate{forth, back} {
			workers.Go(func() {
				if _, err := w.MergeCalls(t.Context(), batch); err != nil {
					t.Error(err)
				}
			})
		}
	}
	workers.Wait()
	if n := read[int](w, `SELECT count(*) FROM call WHERE duration IS NOT NULL AND ended_at IS NOT NULL`); n != calls {
		t.Errorf("%d of %d calls are whole", n, calls)
	}
	if n := read[int64](w, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call(1)
	later := schema.TimelineEntry{
		CallSID: callSID(1), RecordingSID: recordingSID(1), MsgID: "recording.processed:1", Kind: "recording.processed",
		Origin: schema.OriginCallback, OccurredAt: noon.Add(time.Minute), StoredAt: noon.Add(time.Minute), Sequence: 9, Detail: "copied, 5 bytes",
	}
	repeat := later
	repeat.Detail = "something else"
	nowhere := later
	nowhere.CallSID = ""
	must(t, w.AddTimeline(t.Context(), later, repeat, nowhere))
	must(t, w.AddTimeline(t.Context(), repeat))
	must(t, w.AddTimeline(t.Context()))

	got, err := w.Timeline(t.Context(), w.account.OrganizationID, callSID(1))
	must(t, err)
	if len(got) != 2 || got[0].Kind != schema.KindCallAnswered {
		t.Fatalf("timeline %+v", got)
	}
	if diff := cmp.Diff(later, got[1]); diff != "" {
		t.Error(diff)
	}
	foreign, err := w.Timeline(t.Context(), w.neighbour("+15550002222").OrganizationID, callSID(1))
	if err != nil || len(foreign) != 0 {
		t.Errorf("the neighbour sees %+v, %v", foreign, err)
	}
}

// TestTheEarliestTellingIsTheLine tells one fact twice, in either order and at
// once.
func TestTheEarliestTellingIsTheLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	telling := func(call int, sequence uint64, origin schema.Origin) schema.TimelineEntry {
		return schema.TimelineEntry{
			CallSID: callSID(call), MsgID: "call.completed:1", Kind: schema.KindCallCompleted, Origin: origin,
			OccurredAt: at(0).Add(time.Duration(sequence)), StoredAt: noon, Sequence: sequence, Detail: string(origin),
		}
	}
	for call, order := range map[int][][]schema.TimelineEntry{
		1: {{telling(1, 5, schema.OriginCallback)}, {telling(1, 9, schema.OriginEventStream)}},
		2: {{telling(2, 9, schema.OriginEventStream)}, {telling(2, 5, schema.OriginCallback)}},
		3: {{telling(3, 9, schema.OriginEventStream), telling(3, 5, schema.OriginCallback)}},
	} {
		w.call(call)
		for _, entries := range order {
			must(t, w.AddTimeline(t.Context(), entries...))
		}
		lines, err := w.Timeline(t.Context(), "", callSID(call))
		must(t, err)
		i := slices.IndexFunc(lines, func(e schema.TimelineEntry) bool { return e.Kind == schema.KindCallCompleted })
		if len(lines) != 2 || lines[i].Sequence != 5 || lines[i].Origin != schema.OriginCallback || lines[i].Detail != string(schema.OriginCallback) {
			t.Errorf("call %d: %+v", call, lines)
		}
	}
}

func TestErrorsSayWhatWasDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Close()
	_, err := w.MergeCalls(t.Context(), []schema.CallUpdate{w.update("call.answered", schema.CallFacts{CallSID: callSID(1)})})
	if err == nil || !strings.HasPrefix(err.Error(), "merge calls: ") {
		t.Error(err)
	}
}
