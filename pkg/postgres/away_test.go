package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

// ways are uses of the database, one for each kind of statement.
func ways(db *postgres.DB, a schema.Account) map[string]func(context.Context) error {
	one := []schema.CallUpdate{{
		AccountSID: a.AccountSID, OrganizationID: a.OrganizationID, Creates: true, Facts: schema.CallFacts{CallSID: callSID(1)},
		Entry: schema.TimelineEntry{MsgID: "call.answered:1", Kind: schema.KindCallAnswered, OccurredAt: noon, StoredAt: noon},
	}}
	return map[string]func(context.Context) error{
		"ping":  db.Ping,
		"merge": func(ctx context.Context) error { _, err := db.MergeCalls(ctx, one); return err },
		"resolve": func(ctx context.Context) error {
			_, err := db.ResolvePhoneAndDirection(ctx, []schema.PhoneQuery{toUs})
			return err
		},
		"account": func(ctx context.Context) error { _, err := db.AccountBySID(ctx, a.AccountSID); return err },
		"decide": func(ctx context.Context) error {
			_, err := db.SaveDecision(ctx, a.AccountSID, a.OrganizationID, decision(schema.Starting, schema.RuleEnabled))
			return err
		},
		"record": func(ctx context.Context) error {
			return db.SaveRecording(ctx, a.AccountSID, a.OrganizationID, recording(1, callSID(1)), false)
		},
		"attempt": func(ctx context.Context) error { _, err := db.Attempt(ctx, "calls", []uint64{1}); return err },
		"park":    func(ctx context.Context) error { return db.Park(ctx, "calls", 1, noon, "") },
		"due":     func(ctx context.Context) error { _, err := db.Due(ctx, "calls", 1, time.Hour); return err },
		"key":     func(ctx context.Context) error { _, err := db.APIKey(ctx, "csk_guess"); return err },
		"list":    func(ctx context.Context) error { _, _, err := db.CallRecords(ctx, "", schema.CallFilter{}); return err },
		"change": func(ctx context.Context) error {
			_, err := db.ChangeSettings(ctx, a.OrganizationID, schema.SettingsChange{})
			return err
		},
		"settings":      func(ctx context.Context) error { _, err := db.Settings(ctx, a.OrganizationID); return err },
		"organizations": func(ctx context.Context) error { _, err := db.Organizations(ctx); return err },
		"numbers":       func(ctx context.Context) error { _, err := db.PhoneNumbers(ctx, a.OrganizationID); return err },
		"keys":          func(ctx context.Context) error { _, err := db.APIKeys(ctx, ""); return err },
		"messages":      func(ctx context.Context) error { _, _, err := db.Messages(ctx, "", schema.MessageFilter{}); return err },
		"audit":         func(ctx context.Context) error { _, _, err := db.AuditLog(ctx, "", schema.AuditFilter{}); return err },
		"play":          func(ctx context.Context) error { return db.Audit(ctx, "", schema.AuditEntry{Action: "recording.play"}) },
		"reseal":        func(ctx context.Context) error { _, err := db.RotateSecrets(ctx); return err },
		"exclusive":     func(ctx context.Context) error { return db.Exclusive(ctx, "x", db.Ping) },
		"status":        func(ctx context.Context) error { _, err := db.CallStatus(ctx, callSID(1)); return err },
	}
}

// A server that went away is for every use one that heals without us, never a
// row that is not there or a key that is wrong.
func TestAServerThatWentAway(t *testing.T) {
	t.Parallel()
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresOptions{Dir: t.TempDir(), Fast: true})
	must(t, err)
	db := postgrestest.Open(t, server.URL())
	account := postgrestest.Seed(t, db)
	must(t, db.SetRecordingEnabled(t.Context(), account.OrganizationID, true))
	if check := db.IsRecordingEnabled(t.Context(), toUs); !check.Enabled {
		t.Fatalf("while it is there: %+v", check)
	}
	must(t, server.Stop())
	for range 2 { // by a connection that was open, and by a new one
		for name, use := range ways(db, account) {
			if err := use(t.Context()); schema.CodeOf(err) != schema.Unavailable {
				t.Errorf("%s: %v of code %s", name, err, schema.CodeOf(err))
			}
		}
		if check := db.IsRecordingEnabled(t.Context(), toUs); check.Enabled || check.Rule != schema.RuleLookupFailed || check.Evidence == "" {
			t.Errorf("%+v", check)
		}
	}
}

// A server that restarts takes all connections with it: what was open does not
// stand in the way of the uses after.
func TestConnectionsThatWereCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cut := func() {
		w.exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	}
	for name, use := range ways(w.DB, w.account) {
		if name == "key" || name == "status" {
			continue // find nothing
		}
		cut()
		for tries := 0; ; tries++ {
			err := use(t.Context())
			if err == nil {
				break
			}
			if schema.CodeOf(err) != schema.Unavailable || tries == 20 {
				t.Fatalf("%s: %v of code %s", name, err, schema.CodeOf(err))
			}
		}
	}
}

// Whoever stops waiting, at whatever point of the work, learns that it was not
// done, and a repeat does it.
func TestWorkThatIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tx := w.sql.MustBegin()
	defer func() { _ = tx.Rollback() }()
	tx.MustExec(`LOCK call, recording, recording_decision, delivery_attempt, parked_message, api_key,
		organization_twilio_settings, organization, phone_number, message, audit_log`)
	for name, use := range ways(w.DB, w.account) {
		if name == "ping" || name == "exclusive" {
			continue // wait for no row
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := use(ctx); schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("%s: %v of code %s", name, err, schema.CodeOf(err))
		}
		cancel()
	}
	must(t, tx.Rollback())
	if joined := w.merge(w.update(schema.KindCallAnswered, schema.CallFacts{CallSID: callSID(1)})); !joined[0] {
		t.Error("the repeat did not join")
	}
}
