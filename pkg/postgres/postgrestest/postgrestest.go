// Package postgrestest gives tests a migrated database of their own on a real
// Postgres.
package postgrestest

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/schema"
)

// The account that [Seed] makes.
const (
	AccountSID = "AC00000000000000000000000000000001"
	AuthToken  = "0123456789abcdef0123456789abcdef"
	Number     = "+15550001111"
)

// New returns a fresh, migrated database that ends with the test.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	return Open(t, embeddedtest.Postgres(t))
}

// Open opens and migrates the database at url; it closes with the test.
func Open(t testing.TB, url string) *postgres.DB {
	t.Helper()
	keyring, err := secrets.Parse(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), url, postgres.Options{Sealer: keyring})
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return db
}

// Seed makes an organization with a Twilio account and one number, recording
// switched off, and returns the account.
func Seed(t testing.TB, db *postgres.DB) schema.Account {
	t.Helper()
	org, err := db.CreateOrganization(t.Context(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	account := schema.Account{
		OrganizationID: org, AccountSID: AccountSID, AuthTokens: []string{AuthToken},
		TranscriptionEnabled: true, Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}
	if err := db.SaveTwilioAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if err := db.AddPhoneNumber(t.Context(), org, Number); err != nil {
		t.Fatal(err)
	}
	return account
}
