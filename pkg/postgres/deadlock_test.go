package postgres_test

import (
	"testing"

	"github.com/loquent/callstream/schema"
)

// Somebody locks rows in another order than this package does, as a person at
// a prompt might: the loser of the two is not the call.
func TestALostTransactionIsRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call(1)
	w.call(2)
	tx, err := w.sql.Beginx()
	must(t, err)
	defer func() { _ = tx.Rollback() }()
	tx.MustExec(`SET LOCAL deadlock_timeout = '20s'`) // so that the other one finds the circle, and loses
	tx.MustExec(`UPDATE call SET trunk_sid = 'TK1' WHERE call_sid = $1`, callSID(2))

	merged := make(chan error, 1)
	go func() {
		_, err := w.MergeCalls(t.Context(), []schema.CallUpdate{
			w.update(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(1), Duration: ptr(1)}),
			w.update(schema.KindCallCompleted, schema.CallFacts{CallSID: callSID(2), Duration: ptr(2)}),
		})
		merged <- err
	}()
	for !read[bool](w, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`) {
		must(t, t.Context().Err())
	}
	_, err = tx.Exec(`UPDATE call SET trunk_sid = 'TK1' WHERE call_sid = $1`, callSID(1))
	if err == nil {
		err = tx.Commit()
	}
	must(t, err)
	must(t, <-merged)
	for n := 1; n <= 2; n++ {
		if got := w.record(callSID(n)); got.Duration == nil || *got.Duration != n || got.TrunkSID != "TK1" {
			t.Errorf("call %d: %+v", n, got.CallFacts)
		}
	}
}
