package api_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/schema"
)

// office is the API on a database, as one key or another uses it.
type office struct {
	*testing.T
	db *postgres.DB
	http.Handler
}

func newOffice(t *testing.T) *office {
	db := postgrestest.New(t)
	return &office{t, db, api.New(api.Config{
		Keys: db, Organizations: db, Tenants: db, Calls: db, Recordings: db, Objects: &store{}, Messages: db, Settings: db,
		Numbers: db, VoicePlans: db, KeyList: db, KeyIssuer: db, Audit: db, Logger: slog.New(slog.DiscardHandler),
	})}
}

// key makes a key; an empty organization is the operators'.
func (o *office) key(org, name string, permissions ...string) string {
	o.Helper()
	key, err := o.db.CreateAPIKey(o.Context(), org, name, permissions)
	if err != nil {
		o.Fatal(err)
	}
	return key
}

// do sends a request that is to be answered with status, and returns the
// answer.
func (o *office) do(key, method, path, body string, status int, header ...string) (answer map[string]any) {
	o.Helper()
	response, raw := ask(o.T, o, key, method, path, body, header...)
	if response.StatusCode != status {
		o.Fatalf("%s %s %s: %d %s, want %d", method, path, body, response.StatusCode, raw, status)
	}
	if raw != "" {
		if err := json.Unmarshal([]byte(raw), &answer); err != nil {
			o.Fatalf("%s %s: %s: %v", method, path, raw, err)
		}
	}
	return answer
}

// An organization from nothing: an operator makes it, its administrator sets it
// up, and the audit log tells who did what.
func TestAnOrganizationFromNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	operator := o.key("", "operator", api.PermissionAdmin)
	id := o.do(operator, "POST", "/api/organizations", `{"name":"Example Ltd"}`, 201)["id"].(string)
	// An id may be written in capitals; rows carry the database's spelling.
	for _, named := range []string{id, strings.ToUpper(id)} {
		if got := o.do(operator, "GET", "/api/organization", "", 200, "Callstream-Organization", named)["id"]; got != id {
			t.Errorf("organization %v, want %s", got, id)
		}
	}
	for _, named := range []string{"nobody", "0f9f8c1e-0000-4000-8000-00000000000f"} {
		o.do(operator, "GET", "/api/calls", "", 404, "Callstream-Organization", named)
	}
	o.do(operator, "GET", "/api/calls", "", 200) // there is only one that can be meant
	o.do(operator, "POST", "/api/organizations", `{"name":"Other Ltd"}`, 201)
	o.do(operator, "GET", "/api/calls", "", 403)
	admin := o.do(operator, "POST", "/api/keys", `{"name":"Ada","permissions":["admin"]}`, 201, "Callstream-Organization", id)["key"].(string)

	o.do(admin, "GET", "/api/twilio/settings", "", 404)
	o.do(admin, "PATCH", "/api/twilio/settings", `{"call_recording_enabled":true}`, 422)
	o.do(admin, "PATCH", "/api/twilio/settings",
		`{"account_sid":"`+postgrestest.AccountSID+`","auth_token":"`+postgrestest.AuthToken+`","region":"ie1","edge":"dublin"}`, 200)
	o.do(admin, "POST", "/api/numbers", `{"number":"+1 555 000 1111"}`, 201)
	o.do(admin, "PUT", "/api/numbers/%2B15550001111/voice", `{"action":"voicemail","greeting":"Hello."}`, 200)
	o.do(admin, "PATCH", "/api/organization", `{"name":"Example Group"}`, 200)
	settings := o.do(admin, "PATCH", "/api/twilio/settings", `{"call_recording_enabled":true}`, 200)
	if settings["call_recording_enabled"] != true || settings["region"] != "ie1" {
		t.Errorf("settings %v", settings)
	}
	check := o.db.IsRecordingEnabled(t.Context(), schema.PhoneQuery{AccountSID: postgrestest.AccountSID, To: postgrestest.Number})
	if !check.Enabled {
		t.Errorf("the switch does not reach the recorder: %+v", check)
	}

	var done []string
	for _, entry := range o.do(admin, "GET", "/api/audit?limit=100", "", 200)["entries"].([]any) {
		e := entry.(map[string]any)
		done = append(done, e["actor"].(string)+" "+e["action"].(string))
	}
	slices.Reverse(done)
	want := []string{
		"key:operator organization.create", "key:operator key.create", "key:Ada settings.create", "key:Ada number.add",
		"key:Ada number.voice", "key:Ada organization.rename", "key:Ada settings.update",
	}
	if !slices.Equal(done, want) {
		t.Errorf("audit log %q, want %q", done, want)
	}
	// An operator who names no organization sees what is of none, too.
	first := o.do(operator, "GET", "/api/audit?action=key.create&actor=system", "", 200)["entries"].([]any)
	if len(first) != 1 || first[0].(map[string]any)["organization_id"] != nil {
		t.Errorf("the operators' own: %v", first)
	}
}

// Nothing of one organization is seen or changed with another's key.
func TestOrganizationsAreApart(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	account := postgrestest.Seed(t, o.db)
	at := time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	message := schema.MessageUpdated{
		Header:     schema.Header{AccountSID: account.AccountSID, OrganizationID: account.OrganizationID, OccurredAt: at},
		MessageSID: messageSID, Status: schema.MessageDelivered, From: postgrestest.Number, To: "+15550009999",
	}
	if err := o.db.MergeMessages(t.Context(), []schema.MessageUpdated{message}); err != nil {
		t.Fatal(err)
	}
	own := o.key(account.OrganizationID, "own", api.PermissionAdmin)
	stranger, err := o.db.CreateOrganization(t.Context(), "Stranger")
	if err != nil {
		t.Fatal(err)
	}
	other := o.key(stranger, "other", api.PermissionAdmin)

	o.do(own, "GET", "/api/messages/"+messageSID, "", 200)
	o.do(other, "GET", "/api/messages/"+messageSID, "", 404)
	for path, list := range map[string]string{"/api/messages?number=0009999": "messages", "/api/numbers": "numbers"} {
		if got := o.do(own, "GET", path, "", 200)[list].([]any); len(got) != 1 {
			t.Errorf("%s of its own: %v", path, got)
		}
		if got := o.do(other, "GET", path, "", 200)[list].([]any); len(got) != 0 {
			t.Errorf("%s of another: %v", path, got)
		}
	}
	keys := o.do(own, "GET", "/api/keys", "", 200)["keys"].([]any)
	id := keys[0].(map[string]any)["id"].(string)
	o.do(other, "DELETE", "/api/keys/"+id, "", 404)
	o.do(other, "POST", "/api/keys/"+id+"/rotate", `{"grace_hours":0}`, 404)
	o.do(other, "DELETE", "/api/numbers/%2B15550001111", "", 404)
	o.do(other, "PUT", "/api/numbers/%2B15550001111/voice", `{"action":"voicemail"}`, 404)
	o.do(other, "POST", "/api/numbers", `{"number":"+15550001111"}`, 409)
	o.do(other, "PATCH", "/api/twilio/settings", `{"account_sid":"`+postgrestest.AccountSID+`","auth_token":"guess"}`, 409)
	o.do(own, "GET", "/api/me", "", 200)
}

// A key ends when it is revoked or, rotated, when its grace is over, with the
// next request.
func TestKeysEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	account := postgrestest.Seed(t, o.db)
	admin := o.key(account.OrganizationID, "admin", api.PermissionAdmin)
	named := func(name string) string {
		for _, key := range o.do(admin, "GET", "/api/keys", "", 200)["keys"].([]any) {
			if k := key.(map[string]any); k["name"] == name && k["expires_at"] == nil {
				return k["id"].(string)
			}
		}
		t.Fatalf("no key %q", name)
		return ""
	}
	old := o.do(admin, "POST", "/api/keys", `{"name":"clerk","permissions":["read"]}`, 201)["key"].(string)
	fresh := o.do(admin, "POST", "/api/keys/"+named("clerk")+"/rotate", `{"grace_hours":1}`, 201)["key"].(string)
	o.do(old, "GET", "/api/me", "", 200)
	o.do(fresh, "GET", "/api/calls", "", 200)
	o.do(fresh, "GET", "/api/keys", "", 403)
	last := o.do(admin, "POST", "/api/keys/"+named("clerk")+"/rotate", `{"grace_hours":0}`, 201)["key"].(string)
	o.do(fresh, "GET", "/api/me", "", 401)
	o.do(admin, "DELETE", "/api/keys/"+named("clerk"), "", 204)
	o.do(last, "GET", "/api/me", "", 401)
	o.do(admin, "DELETE", "/api/keys/not-an-id", "", 422)
}

// Of a playback the audit log has the recording and the key; of what another
// organization tried to play, nothing is played and nothing said.
func TestPlaybackInTheAuditLog(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	account := postgrestest.Seed(t, o.db)
	call := schema.CallUpdate{
		AccountSID: account.AccountSID, OrganizationID: account.OrganizationID, Creates: true,
		Facts: schema.CallFacts{CallSID: callSID, To: postgrestest.Number},
		Entry: schema.TimelineEntry{CallSID: callSID, MsgID: "1", Kind: schema.KindCallAnswered, Origin: schema.OriginEventStream},
	}
	if _, err := o.db.MergeCalls(t.Context(), []schema.CallUpdate{call}); err != nil {
		t.Fatal(err)
	}
	facts := schema.RecordingFacts{RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingCompleted}
	if err := o.db.SaveRecording(t.Context(), account.AccountSID, account.OrganizationID, facts, false); err != nil {
		t.Fatal(err)
	}
	object := schema.Object{URL: "s3://bucket/key", Key: "key", Size: int64(len(audio)), SHA256: strings.Repeat("ab", 32)}
	if err := o.db.MarkArchived(t.Context(), recordingSID, object); err != nil {
		t.Fatal(err)
	}
	stranger, err := o.db.CreateOrganization(t.Context(), "Stranger")
	if err != nil {
		t.Fatal(err)
	}
	own, admin, other := o.key(account.OrganizationID, "listener", api.PermissionPlay),
		o.key(account.OrganizationID, "admin", api.PermissionAdmin), o.key(stranger, "other", api.PermissionAdmin)

	if response, body := ask(t, o, own, http.MethodGet, mediaPath, ""); response.StatusCode != 200 || body != audio {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	o.do(other, "GET", mediaPath, "", 404)
	first := o.do(admin, "GET", "/api/audit?limit=1", "", 200)
	entry := first["entries"].([]any)[0].(map[string]any)
	if entry["action"] != "recording.play" || entry["target"] != recordingSID || entry["actor"] != "key:listener" {
		t.Errorf("entry %v", entry)
	}
	second := o.do(admin, "GET", "/api/audit?limit=1&cursor="+first["next"].(string), "", 200)
	if next := second["entries"].([]any)[0].(map[string]any); next["id"].(float64) >= entry["id"].(float64) {
		t.Errorf("page two starts with %v", next)
	}
	for _, e := range o.do(other, "GET", "/api/audit", "", 200)["entries"].([]any) {
		if e.(map[string]any)["action"] == "recording.play" {
			t.Errorf("another organization's log has %v", e)
		}
	}
	o.do(admin, "GET", "/api/audit?cursor=nonsense", "", 422)
}
