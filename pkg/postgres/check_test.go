package postgres_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

// toUs asks about a call to the seeded number.
var toUs = schema.PhoneQuery{AccountSID: postgrestest.AccountSID, From: theirs, To: ours}

// recordingWorld is a world that records.
func recordingWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, true))
	return w
}

func TestRecordingIsEnabled(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	for name, q := range map[string]schema.PhoneQuery{
		"to us":   toUs,
		"from us": {AccountSID: postgrestest.AccountSID, From: ours, To: theirs},
	} {
		check := w.IsRecordingEnabled(t.Context(), q)
		if !check.Enabled || check.Rule != schema.RuleEnabled || check.OrganizationID != w.account.OrganizationID {
			t.Errorf("%s: %+v", name, check)
		}
		for _, fact := range []string{ours, w.account.OrganizationID, "is on since 20"} {
			if !strings.Contains(check.Evidence, fact) {
				t.Errorf("%s: evidence %q lacks %q", name, check.Evidence, fact)
			}
		}
	}
}

// What the look-up returned before must not count now.
func TestTheSwitchWorksAtOnce(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	for _, on := range []bool{false, true, false} {
		must(t, w.SetRecordingEnabled(t.Context(), w.account.OrganizationID, on))
		if check := w.IsRecordingEnabled(t.Context(), toUs); check.Enabled != on {
			t.Errorf("switched to %v: %+v", on, check)
		}
	}
}

// Every way in which the look-up gives no clear yes is a no that names its rule.
func TestWhatIsNoClearYesIsANo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(w *world)
		ask   schema.PhoneQuery
		rule  schema.Rule
		says  string
	}{
		"switched off": {func(w *world) {
			must(w.t, w.SetRecordingEnabled(w.t.Context(), w.account.OrganizationID, false))
		}, toUs, schema.RuleDisabled, "call_recording_enabled is off since 20"},
		"a new organization": {func(w *world) {
			w.exec(`DELETE FROM organization_twilio_settings`)
			must(w.t, w.SaveTwilioAccount(w.t.Context(), w.account))
		}, toUs, schema.RuleDisabled, "is off"},
		"numbers unknown": {func(*world) {}, schema.PhoneQuery{AccountSID: postgrestest.AccountSID, From: theirs, To: "client:x"},
			schema.RuleNumberUnknown, theirs},
		"both numbers withheld": {func(w *world) {
			w.exec(`INSERT INTO phone_number (organization_id, number) VALUES ($1, '')`, w.account.OrganizationID)
		}, schema.PhoneQuery{AccountSID: postgrestest.AccountSID}, schema.RuleNumberUnknown, `""`},
		"the number is another organization's": {func(w *world) {
			org := w.neighbour("+15550002222").OrganizationID
			w.exec(`UPDATE phone_number SET organization_id = $1 WHERE number = $2`, org, ours)
		}, toUs, schema.RuleNumberUnknown, ours},
		"no settings": {func(w *world) {
			w.exec(`DELETE FROM organization_twilio_settings`)
		}, toUs, schema.RuleNoSettings, postgrestest.AccountSID},
		"nobody's account": {func(*world) {}, schema.PhoneQuery{AccountSID: "AC0", To: ours}, schema.RuleNoSettings, "AC0"},
		"the column is gone": {func(w *world) {
			w.exec(`ALTER TABLE organization_twilio_settings DROP COLUMN call_recording_enabled`)
		}, toUs, schema.RuleLookupFailed, "call_recording_enabled"},
		"the column is no boolean": {func(w *world) {
			w.exec(`ALTER TABLE organization_twilio_settings ALTER COLUMN call_recording_enabled DROP DEFAULT`)
			w.exec(`ALTER TABLE organization_twilio_settings ALTER COLUMN call_recording_enabled TYPE text USING 'perhaps'`)
		}, toUs, schema.RuleLookupFailed, "perhaps"},
		"the column is NULL": {func(w *world) {
			w.exec(`ALTER TABLE organization_twilio_settings ALTER COLUMN call_recording_enabled DROP NOT NULL`)
			w.exec(`UPDATE organization_twilio_settings SET call_recording_enabled = NULL`)
		}, toUs, schema.RuleLookupFailed, "nil"},
		"the settings are gone": {func(w *world) {
			w.exec(`ALTER TABLE organization_twilio_settings RENAME TO elsewhere`)
		}, toUs, schema.RuleLookupFailed, "organization_twilio_settings"},
		"the numbers are gone": {func(w *world) {
			w.exec(`ALTER TABLE phone_number RENAME TO elsewhere`)
		}, toUs, schema.RuleLookupFailed, "phone_number"},
		"the connections are closed": {func(w *world) { w.Close() }, toUs, schema.RuleLookupFailed, "closed"},
		"statements time out": {func(w *world) {
			w.lockSettings()
			w.exec(`ALTER ROLE CURRENT_USER IN DATABASE ` + read[string](w, `SELECT quote_ident(current_database())`) + ` SET statement_timeout = '50ms'`)
			w.DB.Close()
			w.DB = reopen(w)
		}, toUs, schema.RuleLookupFailed, "statement timeout"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := recordingWorld(t)
			c.spoil(w)
			check := w.IsRecordingEnabled(t.Context(), c.ask)
			if check.Enabled || check.Rule != c.rule || !strings.Contains(check.Evidence, c.says) {
				t.Errorf("got %+v, want rule %s saying %q", check, c.rule, c.says)
			}
		})
	}
}

// lockSettings keeps everybody from the settings until the test ends.
func (w *world) lockSettings() {
	w.t.Helper()
	tx := w.sql.MustBegin()
	w.t.Cleanup(func() { _ = tx.Rollback() })
	tx.MustExec(`LOCK organization_twilio_settings`)
}

func reopen(w *world) *postgres.DB {
	w.t.Helper()
	db, err := postgres.Open(w.t.Context(), w.url, postgres.Options{})
	must(w.t, err)
	w.t.Cleanup(db.Close)
	return db
}

// A look-up that waits for a lock ends by itself.
func TestALookUpThatWaitsIsANo(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	w.lockSettings()
	check := w.IsRecordingEnabled(t.Context(), toUs)
	if check.Enabled || check.Rule != schema.RuleLookupFailed {
		t.Errorf("%+v", check)
	}
}

// A caller that gives up gets a no.
func TestALookUpNobodyWaitsForIsANo(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if check := w.IsRecordingEnabled(ctx, toUs); check.Enabled || check.Rule != schema.RuleLookupFailed {
		t.Errorf("%+v", check)
	}
}

// The network swallows everything: no answer, no refusal.
func TestASilentDatabaseIsANo(t *testing.T) {
	t.Parallel()
	w := recordingWorld(t)
	proxied, silence := silenceable(t, w.url)
	db, err := postgres.Open(t.Context(), proxied, postgres.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	if check := db.IsRecordingEnabled(t.Context(), toUs); !check.Enabled {
		t.Fatalf("through the proxy: %+v", check)
	}
	silence()
	if check := db.IsRecordingEnabled(t.Context(), toUs); check.Enabled || check.Rule != schema.RuleLookupFailed {
		t.Errorf("%+v", check)
	}
}

// silenceable is the database at address behind a proxy that, once silenced,
// reads everything and passes on nothing.
func silenceable(t *testing.T, address string) (proxied string, silence func()) {
	t.Helper()
	target, err := url.Parse(address)
	must(t, err)
	network, host := "tcp", target.Host
	if socket := target.Query().Get("host"); socket != "" {
		t.Skip("the database listens on a socket only")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var silent atomic.Bool
	var open []net.Conn
	t.Cleanup(func() { listener.Close() })
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				to.Close()
				return
			}
			if !silent.Load() {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				for _, c := range open {
					c.Close()
				}
				return
			}
			server, err := net.Dial(network, host)
			if err != nil {
				client.Close()
				continue
			}
			open = append(open, client, server)
			go pass(server, client)
			go pass(client, server)
		}
	}()
	target.Host = listener.Addr().String()
	return target.String(), func() { silent.Store(true) }
}
