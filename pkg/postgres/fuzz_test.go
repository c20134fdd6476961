package postgres_test

import (
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// FuzzLists: whatever somebody asks the lists for, cursors included, they get a
// page of their own organization or an error that says it was invalid, and the
// rows stay.
func FuzzLists(f *testing.F) {
	for _, s := range []string{
		"", "' OR true --", "'; DROP TABLE call; --", "$1", "$2::int", "?", "\x00", "\xff", "%_\\", `"a" or -b "`, "settings.",
		"2026-03-04T18:15:40.377Z_" + callSID(1), "2026-05-04T12:00:00,3+23:59_' OR true --", "9999-12-31T23:59:59-23:59_\x00", "1", "1 OR true", "-9223372036854775808",
	} {
		f.Add(s, s, int64(0), int64(253402300800))
		f.Add("", s, int64(-62135596801), int64(1<<60))
	}
	w := newWorld(f)
	neighbour := w.neighbour("+15557770000")
	for n := range 3 {
		w.call(n)
		u := w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(100 + n), From: theirs, To: ours, StartedAt: at(n)})
		u.AccountSID, u.OrganizationID = neighbour.AccountSID, neighbour.OrganizationID
		w.merge(u)
	}
	org := w.account.OrganizationID
	f.Fuzz(func(t *testing.T, cursor, text string, since, until int64) {
		from, to := time.Unix(since, 0).UTC(), time.Unix(until, 0).UTC()
		calls, _, err := w.CallRecords(t.Context(), org, schema.CallFilter{Number: text, Text: text, Since: from, Until: to, Cursor: cursor, Limit: 2})
		refused(t, err)
		for _, c := range calls {
			if c.OrganizationID != org {
				t.Errorf("somebody else's call %s", c.CallSID)
			}
		}
		messages, _, err := w.Messages(t.Context(), org, schema.MessageFilter{Number: text, Since: from, Until: to, Cursor: cursor, Limit: 2})
		refused(t, err)
		if len(messages) > 0 {
			t.Errorf("messages %v of nobody", messages)
		}
		entries, _, err := w.AuditLog(t.Context(), org, schema.AuditFilter{Actor: text, Action: text, Target: text, Since: from, Until: to, Cursor: cursor, Limit: 2})
		refused(t, err)
		for _, e := range entries {
			if e.OrganizationID != org {
				t.Errorf("somebody else's audit entry %d", e.ID)
			}
		}
		var left int
		if err := w.sql.Get(&left, `SELECT count(*) FROM call`); err != nil || left != 6 {
			t.Fatalf("%d calls are left (%v)", left, err)
		}
	})
}

// refused fails unless err is nil or says that what was asked is invalid.
func refused(t *testing.T, err error) {
	t.Helper()
	if err != nil && schema.CodeOf(err) != schema.Invalid {
		t.Error(err)
	}
}
