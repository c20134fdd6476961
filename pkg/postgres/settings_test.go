package postgres_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
	"github.com/loquent/callstream/schema/migrations"
)

// settings are the organization's, with the switch's time, which must be
// there, taken out.
func (w *world) settings(org string) schema.Settings {
	w.t.Helper()
	s, err := w.Settings(w.t.Context(), org)
	must(w.t, err)
	if s.RecordingSince.IsZero() {
		w.t.Error("the switch has no time")
	}
	s.RecordingSince = time.Time{}
	return s
}

// The first change makes the settings, once it says what there is no default
// for.
func TestSettingsAreMadeByTheFirstChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org, err := w.CreateOrganization(t.Context(), "New")
	must(t, err)
	_, err = w.Settings(t.Context(), org)
	wantCode(t, err, schema.NotFound)
	account, token := foreignAccount, "first-token"
	for _, c := range []schema.SettingsChange{{}, {AccountSID: &account}, {AuthToken: &token}, {RecordingEnabled: ptr(true)}} {
		_, err := w.ChangeSettings(t.Context(), org, c)
		wantCode(t, err, schema.Invalid)
		if err == nil || !strings.Contains(err.Error(), "account_sid and auth_token") {
			t.Errorf("does not tell what to do: %v", err)
		}
	}
	wantCode(t, w.SetRecordingEnabled(t.Context(), org, true), schema.NotFound)

	w.wantLog("the first change", func() {
		_, err = w.ChangeSettings(w.boss(), org, schema.SettingsChange{AccountSID: &account, AuthToken: &token, Region: ptr("ie1")})
		must(t, err)
	}, `cli:boss@desk settings.create `+foreignAccount+
		` {"region": {"to": "ie1", "from": ""}, "auth_token": "set", "account_sid": {"to": "`+foreignAccount+`", "from": ""}}`)
	want := schema.Settings{
		AccountSID: foreignAccount, Region: "ie1", RecordingBy: "cli:boss@desk", TranscriptionEnabled: true,
		Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}
	if diff := cmp.Diff(want, w.settings(org)); diff != "" {
		t.Error(diff)
	}
	_, err = w.ChangeSettings(t.Context(), nobody, schema.SettingsChange{AccountSID: &account, AuthToken: &token})
	wantCode(t, err, schema.NotFound)
	_, err = w.Settings(t.Context(), nobody)
	wantCode(t, err, schema.NotFound)
}

// Each setting changes alone, is told with what it was before, and is told once.
func TestEachSettingChangesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	const other = "AC000000000000000000000000000000aa"
	want := w.settings(org)
	for _, step := range []struct {
		change schema.SettingsChange
		told   string
		after  func()
	}{
		{schema.SettingsChange{Region: ptr("au1")}, `"region": {"to": "au1", "from": ""}`, func() { want.Region = "au1" }},
		{schema.SettingsChange{Edge: ptr("sydney")}, `"edge": {"to": "sydney", "from": ""}`, func() { want.Edge = "sydney" }},
		{schema.SettingsChange{Region: ptr("")}, `"region": {"to": "", "from": "au1"}`, func() { want.Region = "" }},
		{schema.SettingsChange{RecordingEnabled: ptr(true)}, `"call_recording_enabled": {"to": true, "from": false}`,
			func() { want.RecordingEnabled, want.RecordingBy = true, "cli:boss@desk" }},
		{schema.SettingsChange{TranscriptionEnabled: ptr(false)}, `"transcription_enabled": {"to": false, "from": true}`,
			func() { want.TranscriptionEnabled = false }},
		{schema.SettingsChange{Unexpected: ptr(schema.UnexpectedQuarantine)},
			`"unexpected_recordings": {"to": "quarantine", "from": "process"}`, func() { want.Unexpected = schema.UnexpectedQuarantine }},
		{schema.SettingsChange{Delete: ptr(schema.DeleteNever)}, `"delete_from_twilio": {"to": "never", "from": "archived"}`,
			func() { want.Delete = schema.DeleteNever }},
		{schema.SettingsChange{AuthToken: ptr("next-token")}, `"auth_token": "replaced"`, func() {}},
		{schema.SettingsChange{SecondaryAuthToken: ptr("old-token")}, `"secondary_auth_token": "set"`, func() { want.SecondaryToken = true }},
		{schema.SettingsChange{SecondaryAuthToken: ptr("older-token")}, `"secondary_auth_token": "replaced"`, func() {}},
		{schema.SettingsChange{SecondaryAuthToken: ptr("")}, `"secondary_auth_token": "removed"`, func() { want.SecondaryToken = false }},
		{schema.SettingsChange{AccountSID: ptr(other)}, `"account_sid": {"to": "` + other + `", "from": "` + want.AccountSID + `"}`,
			func() { want.AccountSID = other }},
	} {
		step.after()
		w.wantLog(step.told, func() {
			for range 2 {
				got, err := w.ChangeSettings(w.boss(), org, step.change)
				must(t, err)
				got.RecordingSince = time.Time{}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s:\n%s", step.told, diff)
				}
			}
		}, "cli:boss@desk settings.update "+want.AccountSID+" {"+step.told+"}")
		if diff := cmp.Diff(want, w.settings(org)); diff != "" {
			t.Errorf("%s is stored otherwise:\n%s", step.told, diff)
		}
	}
	account, err := w.AccountByOrganization(t.Context(), org)
	must(t, err)
	if account.Edge != "sydney" || account.Region != "" || account.AuthTokens[0] != "next-token" || len(account.AuthTokens) != 1 {
		t.Errorf("%#v with %d tokens", account, len(account.AuthTokens))
	}
}

func TestSettingsThatNoneTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	neighbour := w.neighbour("+15550002222")
	org := w.account.OrganizationID
	before := w.settings(org)
	w.wantLog("no change", func() {
		for name, c := range map[string]struct {
			change schema.SettingsChange
			code   schema.Code
		}{
			"no account":         {schema.SettingsChange{AccountSID: ptr("AC1")}, schema.Invalid},
			"no token":           {schema.SettingsChange{AuthToken: ptr("")}, schema.Invalid},
			"a line":             {schema.SettingsChange{AuthToken: ptr("secret\n")}, schema.Invalid},
			"a secondary line":   {schema.SettingsChange{SecondaryAuthToken: ptr(" secret")}, schema.Invalid},
			"a host":             {schema.SettingsChange{Region: ptr("ie1.example.com/")}, schema.Invalid},
			"half a label":       {schema.SettingsChange{Edge: ptr("-dublin")}, schema.Invalid},
			"a policy":           {schema.SettingsChange{Unexpected: ptr(schema.Unexpected(""))}, schema.Invalid},
			"a deletion":         {schema.SettingsChange{Delete: ptr(schema.DeletePolicy("all"))}, schema.Invalid},
			"another's account":  {schema.SettingsChange{AccountSID: &neighbour.AccountSID, RecordingEnabled: ptr(true)}, schema.Conflict},
			"good and bad":       {schema.SettingsChange{RecordingEnabled: ptr(true), Region: ptr("A")}, schema.Invalid},
			"nothing to change":  {schema.SettingsChange{}, ""},
			"what it is already": {schema.SettingsChange{AuthToken: ptr(postgrestest.AuthToken), RecordingEnabled: ptr(false)}, ""},
		} {
			_, err := w.ChangeSettings(t.Context(), org, c.change)
			if schema.CodeOf(err) != c.code || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v of code %q", name, err, schema.CodeOf(err))
			}
		}
	})
	if diff := cmp.Diff(before, w.settings(org)); diff != "" {
		t.Error(diff)
	}
}

// A database from before knew who turned the switch from its audit log alone.
func TestWhoTurnedTheSwitchIsReadFromTheAuditLogOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	turned := func() schema.Actor {
		s, err := w.Settings(t.Context(), org)
		must(t, err)
		return s.RecordingBy
	}
	migration, err := fs.ReadFile(migrations.Files, "00005_switch_actor.sql")
	must(t, err)
	_, backfill, _ := strings.Cut(string(migration), ";")
	for _, step := range []struct {
		actor  schema.Actor
		change schema.SettingsChange
		want   schema.Actor
	}{
		{"key:Ada", schema.SettingsChange{TranscriptionEnabled: ptr(false)}, schema.System}, // who made the settings
		{"key:Bob", schema.SettingsChange{RecordingEnabled: ptr(true)}, "key:Bob"},
		{"key:Ada", schema.SettingsChange{RecordingEnabled: ptr(true), Region: ptr("ie1")}, "key:Bob"},
	} {
		_, err := w.ChangeSettings(schema.WithActor(t.Context(), step.actor), org, step.change)
		must(t, err)
		now := turned()
		w.exec(`UPDATE organization_twilio_settings SET call_recording_enabled_by = ''`)
		w.exec(backfill)
		if then := turned(); now != step.want || then != step.want {
			t.Errorf("turned by %q, as the log has it by %q, not %q", now, then, step.want)
		}
	}
}

// Tokens go in and come out by no way but to Twilio.
func TestTokensAreNeverTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org := w.account.OrganizationID
	tokens := []string{postgrestest.AuthToken, "Sesame-1", "Sesame-2", "Sesame-3"}
	_, err := w.ChangeSettings(t.Context(), org, schema.SettingsChange{AuthToken: &tokens[1], SecondaryAuthToken: &tokens[2]})
	must(t, err)
	must(t, w.SaveTwilioAccount(t.Context(), schema.Account{OrganizationID: org, AccountSID: w.account.AccountSID, AuthTokens: tokens[3:]}))
	settings, err := w.Settings(t.Context(), org)
	must(t, err)
	encoded, err := json.Marshal(settings)
	must(t, err)
	log, _, err := w.AuditLog(t.Context(), "", schema.AuditFilter{})
	must(t, err)
	shown := fmt.Sprintf("%s %+v %#v %+v", encoded, settings, settings, log)
	for _, token := range tokens {
		if strings.Contains(shown, token) {
			t.Errorf("%s is shown in %s", token, shown)
		}
		if read[bool](w, `SELECT EXISTS (SELECT FROM organization_twilio_settings s WHERE position($1::bytea IN s.auth_token) > 0)`, []byte(token)) {
			t.Errorf("%s lies open in the database", token)
		}
	}
}

// Two who change different settings at once both have their way, and the log
// tells both.
func TestSettingsThatTwoChangeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org, err := w.CreateOrganization(t.Context(), "New")
	must(t, err)
	first := schema.SettingsChange{AccountSID: ptr(foreignAccount), AuthToken: ptr("token")}
	changes := []schema.SettingsChange{
		{RecordingEnabled: ptr(true)}, {TranscriptionEnabled: ptr(false)}, {Region: ptr("ie1")},
		{Edge: ptr("dublin")}, {Delete: ptr(schema.DeleteOwn)}, {SecondaryAuthToken: ptr("second")}, {},
	}
	var people sync.WaitGroup
	for _, c := range changes {
		c.AccountSID, c.AuthToken = first.AccountSID, first.AuthToken // whoever is first makes them
		people.Go(func() {
			if _, err := w.ChangeSettings(t.Context(), org, c); err != nil {
				t.Error(err)
			}
		})
	}
	people.Wait()
	want := schema.Settings{
		AccountSID: foreignAccount, SecondaryToken: true, Region: "ie1", Edge: "dublin", RecordingEnabled: true, RecordingBy: schema.System,
		Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteOwn,
	}
	if diff := cmp.Diff(want, w.settings(org)); diff != "" {
		t.Error(diff)
	}
	lines := strings.Join(w.audited(org), "\n")
	for _, what := range []string{"call_recording_enabled", "transcription_enabled", "region", "edge", "delete_from_twilio", "secondary_auth_token", "settings.create"} {
		if strings.Count(lines, what) != 1 {
			t.Errorf("%s is told %d times in\n%s", what, strings.Count(lines, what), lines)
		}
	}
}

// Of two organizations that name one account at once one has it.
func TestAnAccountThatTwoWant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	results := make(chan error, 6)
	var people sync.WaitGroup
	for i := range cap(results) {
		org, err := w.CreateOrganization(t.Context(), fmt.Sprint("Racer ", i))
		must(t, err)
		people.Go(func() {
			_, err := w.ChangeSettings(t.Context(), org, schema.SettingsChange{AccountSID: ptr(foreignAccount), AuthToken: ptr("token")})
			results <- err
		})
	}
	people.Wait()
	close(results)
	codes := map[schema.Code]int{}
	for err := range results {
		codes[schema.CodeOf(err)]++
	}
	if codes[""] != 1 || codes[schema.Conflict] != 5 {
		t.Errorf("outcomes %v", codes)
	}
}
