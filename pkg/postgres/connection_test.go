package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

// A server that falls silent holds nobody whose context ends: neither on a
// connection that was open nor while one is made.
func TestNobodyWaitsForASilentServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxied, silence := silenceable(t, w.url)
	db, err := postgres.Open(t.Context(), proxied, postgres.Options{MaxConns: 1})
	must(t, err)
	t.Cleanup(db.Close)
	silence()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err = db.Settings(ctx, w.account.OrganizationID)
		wantCode(t, err, schema.Unavailable)
		cancel()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = postgres.Open(ctx, proxied, postgres.Options{})
	wantCode(t, err, schema.Unavailable)
}

// The end of a context is the end of its own statement, never of the next one
// on the connection, however long that takes.
func TestAContextEndsNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, err := postgres.Open(t.Context(), w.url, postgres.Options{MaxConns: 1})
	must(t, err)
	t.Cleanup(db.Close)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = db.Settings(ctx, w.account.OrganizationID)
	must(t, err)
	cancel()

	tx := w.sql.MustBegin()
	defer func() { _ = tx.Rollback() }()
	tx.MustExec(`LOCK organization_twilio_settings`)
	result := make(chan error, 1)
	go func() {
		_, err := db.Settings(t.Context(), w.account.OrganizationID)
		result <- err
	}()
	tx.MustExec(`SELECT pg_sleep(1.5)`) // longer than a statement whose context ended is waited for
	must(t, tx.Rollback())
	must(t, <-result)
}
