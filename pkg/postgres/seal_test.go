package postgres_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/schema"
)

// The keys that seal; the old one is postgrestest's.
const oldKey, freshKey = 1, 2

func keyring(t testing.TB, keys ...byte) *secrets.Keyring {
	t.Helper()
	var ring []string
	for _, k := range keys {
		ring = append(ring, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{k}, 32)))
	}
	r, err := secrets.Parse(strings.Join(ring, ","))
	must(t, err)
	return r
}

// opened is the database to a process that has these keys.
func (w *world) opened(keys ...byte) *postgres.DB {
	w.t.Helper()
	db, err := postgres.Open(w.t.Context(), w.url, postgres.Options{Sealer: keyring(w.t, keys...)})
	must(w.t, err)
	w.t.Cleanup(db.Close)
	return db
}

// readable fails unless the process reads the accounts as they are.
func (w *world) readable(db *postgres.DB, accounts ...schema.Account) {
	w.t.Helper()
	for _, want := range accounts {
		got, err := db.AccountBySID(w.t.Context(), want.AccountSID)
		must(w.t, err)
		if diff := cmp.Diff(want.AuthTokens, got.AuthTokens); diff != "" {
			w.t.Errorf("tokens of %s:\n%s", want.AccountSID, diff)
		}
	}
}

// The first key of a ring seals, all of them open: after a rotation accounts
// are readable, and once saved again need the old key no more.
func TestTheSealingKeyRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.opened(freshKey).AccountBySID(t.Context(), w.account.AccountSID)
	wantCode(t, err, schema.Invalid)
	both := w.opened(freshKey, oldKey)
	account, err := both.AccountBySID(t.Context(), w.account.AccountSID)
	must(t, err)
	w.wantLog("the same token", func() { must(t, both.SaveTwilioAccount(t.Context(), account)) })
	w.readable(w.opened(freshKey), w.account)
}

func TestAllTokensAreSealedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	neighbour.AuthTokens = []string{"token", "second"}
	must(t, w.SaveTwilioAccount(t.Context(), neighbour))
	rotate := func(db *postgres.DB, want int) {
		t.Helper()
		if n, err := db.RotateSecrets(w.boss()); n != want || err != nil {
			t.Errorf("%d sealed again, %v, want %d", n, err, want)
		}
	}
	rotate(w.DB, 0) // all are under the only key
	both := w.opened(freshKey, oldKey)
	told := w.told(neighbour.OrganizationID, func() { rotate(both, 3) })
	if diff := cmp.Diff([]string{
		`cli:boss@desk secrets.rotate ` + foreignAccount + ` {"auth_token": "sealed again", "secondary_auth_token": "sealed again"}`,
	}, told); diff != "" {
		t.Error(diff)
	}
	w.wantLog("a repeat", func() { rotate(both, 0) })
	w.readable(w.opened(freshKey), w.account, neighbour)
}

// A token that nobody can open any more is named, and hinders no other; it can
// be replaced.
func TestATokenThatNoKeyOpens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	const lost = 9
	strange, err := keyring(t, lost).Seal([]byte("x"), []byte(neighbour.OrganizationID))
	must(t, err)
	w.exec(`UPDATE organization_twilio_settings SET auth_token = $1 WHERE account_sid = $2`, strange, foreignAccount)
	both := w.opened(freshKey, oldKey)
	n, err := both.RotateSecrets(t.Context())
	wantCode(t, err, schema.Invalid)
	if n != 1 || err == nil || !strings.Contains(err.Error(), neighbour.OrganizationID) {
		t.Errorf("%d sealed again, %v", n, err)
	}
	w.readable(w.opened(freshKey), w.account)
	w.wantLog("a new token", func() {
		_, err := both.ChangeSettings(t.Context(), neighbour.OrganizationID, schema.SettingsChange{AuthToken: ptr("token")})
		must(t, err)
	}, `system settings.update `+foreignAccount+` {"auth_token": "replaced"}`)
	w.readable(w.opened(freshKey), w.account, neighbour)

	keyless, err := postgres.Open(t.Context(), w.url, postgres.Options{})
	must(t, err)
	t.Cleanup(keyless.Close)
	if _, err := keyless.RotateSecrets(t.Context()); err == nil || !strings.Contains(err.Error(), "CALLSTREAM_SECRET_KEY") {
		t.Errorf("without a key: %v", err)
	}
}

// Two rotations and people who change tokens, all at once: whatever was saved
// last is there, and in the end all of it is under the first key.
func TestTokensThatChangeWhileTheyAreSealedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := w.opened(freshKey, oldKey)
	accounts := []schema.Account{w.account}
	for i := range 8 {
		org, err := w.CreateOrganization(t.Context(), fmt.Sprint("Tenant ", i))
		must(t, err)
		a := schema.Account{OrganizationID: org, AccountSID: fmt.Sprintf("AC%032x", 100+i), AuthTokens: []string{"before"}}
		must(t, w.SaveTwilioAccount(t.Context(), a))
		a.AuthTokens = []string{"after"}
		accounts = append(accounts, a)
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := both.RotateSecrets(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	for _, a := range accounts[1:] {
		all.Go(func() {
			if err := w.SaveTwilioAccount(t.Context(), a); err != nil { // by a process that has the old key alone
				t.Error(err)
			}
		})
	}
	all.Wait()
	_, err := both.RotateSecrets(t.Context()) // takes what the process with the old key sealed meanwhile
	must(t, err)
	w.readable(w.opened(freshKey), accounts...)
}

// One that is interrupted has done what it counts, and a repeat does the rest.
func TestARotationThatIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.neighbour("+15550002222")
	both := w.opened(freshKey, oldKey)
	tx := w.sql.MustBegin()
	defer func() { _ = tx.Rollback() }()
	last := read[string](w, `SELECT max(organization_id::text) FROM organization_twilio_settings`)
	_, err := tx.Exec(`SELECT FROM organization WHERE id = $1 FOR UPDATE`, last)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		n, err := both.RotateSecrets(ctx)
		if n != 1 {
			t.Errorf("%d sealed again before the interruption", n)
		}
		done <- err
	}()
	for !read[bool](w, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`) {
		must(t, t.Context().Err())
	}
	cancel()
	wantCode(t, <-done, schema.Unavailable)
	must(t, tx.Rollback())
	if n, err := both.RotateSecrets(t.Context()); n != 1 || err != nil {
		t.Errorf("the repeat: %d, %v", n, err)
	}
}
