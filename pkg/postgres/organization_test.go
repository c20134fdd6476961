package postgres_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

func TestAnAccountIsFoundBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := w.account
	want.AuthTokens = []string{"new", "old"}
	want.Unexpected, want.Delete, want.TranscriptionEnabled = schema.UnexpectedQuarantine, schema.DeleteNever, false
	must(t, w.SaveTwilioAccount(t.Context(), want))
	must(t, w.SetRecordingEnabled(t.Context(), want.OrganizationID, true))
	must(t, w.SaveTwilioAccount(t.Context(), want)) // does not turn the switch
	want.RecordingEnabled = true

	bySID, err := w.AccountBySID(t.Context(), want.AccountSID)
	must(t, err)
	byOrganization, err := w.AccountByOrganization(t.Context(), want.OrganizationID)
	must(t, err)
	for _, got := range []schema.Account{bySID, byOrganization} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	_, err = w.AccountBySID(t.Context(), foreignAccount)
	wantCode(t, err, schema.NotFound)
	_, err = w.AccountByOrganization(t.Context(), "00000000-0000-0000-0000-000000000000")
	wantCode(t, err, schema.NotFound)
}

func TestDefaultsOfAnAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.neighbour("+15550002222") // says nothing of policies
	got, err := w.AccountBySID(t.Context(), foreignAccount)
	must(t, err)
	if got.RecordingEnabled || got.Unexpected != schema.UnexpectedProcess || got.Delete != schema.DeleteArchived {
		t.Errorf("%+v", got)
	}
	fresh := `SELECT column_default FROM information_schema.columns WHERE table_name = 'organization_twilio_settings' AND column_name = $1`
	if got := read[string](w, fresh, "call_recording_enabled"); got != "false" {
		t.Errorf("call_recording_enabled defaults to %s", got)
	}
}

func TestTokensAreSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if sealed := read[[]byte](w, `SELECT auth_token FROM organization_twilio_settings`); bytes.Contains(sealed, []byte(postgrestest.AuthToken)) {
		t.Error("the token lies open in the database")
	}
	neighbour := w.neighbour("+15550002222")
	w.exec(`UPDATE organization_twilio_settings SET auth_token = (SELECT auth_token FROM organization_twilio_settings WHERE account_sid = $1)
		WHERE account_sid = $2`, w.account.AccountSID, neighbour.AccountSID)
	_, err := w.AccountBySID(t.Context(), neighbour.AccountSID)
	wantCode(t, err, schema.Corrupt) // a token copied to another organization's row
}

func TestWithoutAKeyNoTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db, err := postgres.Open(t.Context(), w.url, postgres.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	_, err = db.AccountBySID(t.Context(), w.account.AccountSID)
	if err == nil || !strings.Contains(err.Error(), "CALLSTREAM_SECRET_KEY") {
		t.Error(err)
	}
	if err := db.SaveTwilioAccount(t.Context(), w.account); err == nil {
		t.Error("stored an open token")
	}
}

func TestAnAccountIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(a *schema.Account)
		code   schema.Code
	}{
		"no token":            {func(a *schema.Account) { a.AuthTokens = nil }, schema.Invalid},
		"an empty token":      {func(a *schema.Account) { a.AuthTokens = []string{"x", ""} }, schema.Invalid},
		"three tokens":        {func(a *schema.Account) { a.AuthTokens = []string{"x", "y", "z"} }, schema.Invalid},
		"no account SID":      {func(a *schema.Account) { a.AccountSID = "CA1" }, schema.Invalid},
		"a policy of its own": {func(a *schema.Account) { a.Delete = "everything" }, schema.Invalid},
		"nobody's": {func(a *schema.Account) {
			a.OrganizationID = "00000000-0000-0000-0000-000000000000"
			a.AccountSID = foreignAccount
		}, schema.NotFound},
		"another's": {func(a *schema.Account) { a.OrganizationID, _ = w.CreateOrganization(t.Context(), "Other") }, schema.Conflict},
	} {
		a := w.account
		c.change(&a)
		err := w.SaveTwilioAccount(t.Context(), a)
		if schema.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCode(t, w.SetRecordingEnabled(t.Context(), "00000000-0000-0000-0000-000000000000", true), schema.NotFound)
}

func TestTheSwitchRemembersWhenItTurned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	turned := func() string {
		return read[string](w, `SELECT call_recording_enabled_at::text FROM organization_twilio_settings`)
	}
	must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, true))
	first := turned()
	must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, true))
	if turned() != first {
		t.Error("switching on what is on counts as a turn")
	}
	must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, false))
	if turned() == first {
		t.Error("switching off is no turn")
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, org := range []string{w.account.OrganizationID, ""} {
		key, err := w.CreateAPIKey(t.Context(), org, "laptop", []string{"read", "play"})
		must(t, err)
		if !strings.HasPrefix(key, "csk_") || len(key) < 40 {
			t.Errorf("key of %d characters", len(key))
		}
		got, err := w.APIKey(t.Context(), key)
		must(t, err)
		want := schema.Principal{KeyID: got.KeyID, OrganizationID: org, Name: "laptop", Permissions: []string{"read", "play"}}
		if diff := cmp.Diff(want, got); diff != "" || got.KeyID == "" {
			t.Error(diff)
		}
		if read[bool](w, `SELECT EXISTS (SELECT FROM api_key k WHERE k::text LIKE '%' || $1 || '%')`, key[4:]) {
			t.Error("the key lies open in the database")
		}
		for _, guess := range []string{"", "csk_", key + "x", key[:len(key)-1]} {
			_, err := w.APIKey(t.Context(), guess)
			wantCode(t, err, schema.Unauthorized)
		}
		w.exec(`UPDATE api_key SET revoked_at = now() WHERE id = $1`, got.KeyID)
		_, err = w.APIKey(t.Context(), key)
		wantCode(t, err, schema.Unauthorized)
	}
	if key, err := w.CreateAPIKey(t.Context(), "00000000-0000-0000-0000-000000000000", "k", nil); key != "" || schema.CodeOf(err) != schema.NotFound {
		t.Errorf("a key for nobody: %v", err)
	}
}

// A database that does not answer must not look like a wrong key.
func TestAKeyWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, err := w.CreateAPIKey(t.Context(), "", "k", []string{})
	must(t, err)
	w.exec(`ALTER TABLE api_key RENAME TO elsewhere`)
	_, err = w.APIKey(t.Context(), key)
	wantCode(t, err, schema.Internal)
}

// An operator may write an organization's id in any form that Postgres reads.
func TestAnIDInAnotherForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	for i, form := range []string{strings.ToUpper(org), "{" + org + "}", strings.ReplaceAll(org, "-", "")} {
		a := w.account
		a.OrganizationID = form
		must(t, w.SaveTwilioAccount(t.Context(), a))
		got, err := w.AccountByOrganization(t.Context(), form)
		must(t, err)
		if diff := cmp.Diff(w.account, got); diff != "" {
			t.Errorf("%s:\n%s", form, diff)
		}
		must(t, w.AddPhoneNumber(t.Context(), form, "+1555000333"+string(rune('0'+i))))
		must(t, w.AddPhoneNumber(t.Context(), form, ours))
	}
}

// Whoever has an organization may read and name it; its name is a person's to
// choose.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var third string
	told := w.told("", func() {
		var err error
		third, err = w.CreateOrganization(w.boss(), "Third")
		must(t, err)
	})
	if diff := cmp.Diff([]string{`cli:boss@desk organization.create ` + third + ` {"name": "Third"}`}, told); diff != "" {
		t.Error(diff)
	}
	must(t, w.AddPhoneNumber(t.Context(), w.account.OrganizationID, "+15550003333"))
	list, err := w.Organizations(t.Context())
	must(t, err)
	want := []schema.Organization{
		{ID: w.account.OrganizationID, Name: t.Name(), AccountSID: w.account.AccountSID, Numbers: 2},
		{ID: third, Name: "Third"},
	}
	for i := range list {
		one, err := w.Organization(t.Context(), list[i].ID)
		must(t, err)
		if diff := cmp.Diff(list[i], one); diff != "" || one.CreatedAt.IsZero() {
			t.Errorf("alone it is otherwise, or has no time: %s", diff)
		}
		list[i].CreatedAt = want[0].CreatedAt
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
	w.wantLog("a name", func() {
		must(t, w.RenameOrganization(w.boss(), third, "3rd"))
		must(t, w.RenameOrganization(w.boss(), third, "3rd"))
	}, `cli:boss@desk organization.rename `+third+` {"name": {"to": "3rd", "from": "Third"}}`)
	if one, err := w.Organization(t.Context(), third); err != nil || one.Name != "3rd" {
		t.Errorf("%+v, %v", one, err)
	}
}

// Events and objects name an organization by its id: after the loss of a
// database it is made with that again.
func TestAnOrganizationIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.RestoreOrganization(t.Context(), nobody, "Lost"))
	if one, err := w.Organization(t.Context(), nobody); err != nil || one.Name != "Lost" {
		t.Errorf("%+v, %v", one, err)
	}
	wantCode(t, w.RestoreOrganization(t.Context(), nobody, "Again"), schema.Conflict)
	wantCode(t, w.RestoreOrganization(t.Context(), "x", "None"), schema.Invalid)
}

func TestOrganizationsThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"", " \t", strings.Repeat("x", 201), "\xff", "a\x00b"} {
		_, err := w.CreateOrganization(t.Context(), name)
		wantCode(t, err, schema.Invalid)
		wantCode(t, w.RenameOrganization(t.Context(), w.account.OrganizationID, name), schema.Invalid)
	}
	for id, code := range map[string]schema.Code{nobody: schema.NotFound, "": schema.Invalid, "x": schema.Invalid} {
		wantCode(t, w.RenameOrganization(t.Context(), id, "Name"), code)
		_, err := w.Organization(t.Context(), id)
		wantCode(t, err, code)
	}
	if list, err := w.Organizations(t.Context()); err != nil || len(list) != 1 || list[0].Name != t.Name() {
		t.Errorf("%+v, %v", list, err)
	}
}
