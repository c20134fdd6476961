package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // for what the tests break and look at themselves

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

const (
	ours   = postgrestest.Number
	theirs = "+15559990000"
)

// foreignAccount is another organization's, which knows our SIDs.
const foreignAccount = "AC000000000000000000000000000000ff"

// noon is when everything of the tests happens.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// world is a database with one organization, and a way around the package.
type world struct {
	*postgres.DB
	t       testing.TB
	url     string
	sql     *sqlx.DB
	account schema.Account
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, url: embeddedtest.Postgres(t)}
	w.DB = postgrestest.Open(t, w.url)
	w.sql = sqlx.MustOpen("postgres", w.url)
	t.Cleanup(func() { w.sql.Close() })
	w.account = postgrestest.Seed(t, w.DB)
	return w
}

// exec changes the database behind the package's back.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.sql.Exec(statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

// read is what a query for one value finds.
func read[T any](w *world, query string, args ...any) (value T) {
	w.t.Helper()
	if err := w.sql.Get(&value, query, args...); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return value
}

// neighbour makes another organization, with foreignAccount and a number.
func (w *world) neighbour(number string) schema.Account {
	w.t.Helper()
	org, err := w.CreateOrganization(w.t.Context(), "Neighbour")
	must(w.t, err)
	a := schema.Account{OrganizationID: org, AccountSID: foreignAccount, AuthTokens: []string{"token"}, TranscriptionEnabled: true}
	must(w.t, w.SaveTwilioAccount(w.t.Context(), a))
	must(w.t, w.AddPhoneNumber(w.t.Context(), org, number))
	return a
}

// must ends the test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode fails unless err has the code.
func wantCode(t testing.TB, err error, code schema.Code) {
	t.Helper()
	if schema.CodeOf(err) != code {
		t.Errorf("got error %v of code %q, want %q", err, schema.CodeOf(err), code)
	}
}

func callSID(n int) string      { return fmt.Sprintf("CA%032x", n) }
func recordingSID(n int) string { return fmt.Sprintf("RE%032x", n) }

// update is an event about a call that may create its row.
func (w *world) update(kind string, facts schema.CallFacts) schema.CallUpdate {
	return schema.CallUpdate{
		AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, Creates: true, Facts: facts,
		Entry: schema.TimelineEntry{
			CallSID: facts.CallSID, MsgID: kind + ":" + facts.CallSID, Kind: kind, Origin: schema.OriginEventStream,
			OccurredAt: noon, StoredAt: noon.Add(time.Second), Sequence: 7,
		},
	}
}

// joining is the same of an event that may only join.
func (w *world) joining(kind string, facts schema.CallFacts) schema.CallUpdate {
	u := w.update(kind, facts)
	u.Creates = false
	return u
}

// merge merges the updates and returns which joined.
func (w *world) merge(updates ...schema.CallUpdate) []bool {
	w.t.Helper()
	joined, err := w.MergeCalls(w.t.Context(), updates)
	must(w.t, err)
	return joined
}

// call makes a call's row.
func (w *world) call(n int) string {
	w.t.Helper()
	w.merge(w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(n), From: theirs, To: ours, StartedAt: at(0)}))
	return callSID(n)
}

// record returns the call as the organization sees it.
func (w *world) record(callSID string) schema.CallRecord {
	w.t.Helper()
	record, err := w.CallRecord(w.t.Context(), w.account.OrganizationID, callSID)
	must(w.t, err)
	return record
}

// at is a time so many seconds after noon.
func at(seconds int) *time.Time {
	moment := noon.Add(time.Duration(seconds) * time.Second)
	return &moment
}

func ptr[T any](v T) *T { return &v }
