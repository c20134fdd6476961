package api_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/pkg/postgres/postgrestest"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// Every part that the API can have is there in the tests, or its operations
// would be missing from the document that they go through.
func TestEveryPartIsUnderTest(t *testing.T) {
	t.Parallel()
	(&store{}).handler(func(c *api.Config) {
		for i := range reflect.TypeFor[api.Config]().NumField() {
			field := reflect.TypeFor[api.Config]().Field(i)
			if field.Type.Kind() == reflect.Interface && field.Name != "Credentials" && reflect.ValueOf(*c).Field(i).IsNil() {
				t.Errorf("the tests' API has no %s", field.Name)
			}
		}
	})
}

// What only the victim's own keys may be told.
const (
	secretName   = "Victim Ltd"
	secretCaller = "+15557654321"
	secretWords  = "the code of the safe"
	secretKey    = "the victim's key"
)

// victim is an organization that has one of everything, on a real database and
// a real stream.
type victim struct {
	*plant
	places map[string]string
}

func newVictim(t *testing.T) *victim {
	v := &victim{plant: newPlant(t), places: map[string]string{
		"{call_sid}": callSID, "{recording_sid}": recordingSID, "{message_sid}": messageSID, "{number}": "%2B15550001111",
	}}
	s := &store{}
	v.Handler = s.handler(func(c *api.Config) {
		c.Keys, c.Organizations, c.Tenants, c.Calls, c.Recordings, c.Messages, c.Settings = v.db, v.db, v.db, v.db, v.db, v.db, v.db
		c.Numbers, c.VoicePlans, c.KeyList, c.KeyIssuer, c.Audit = v.db, v.db, v.db, v.db, v.db
		c.Pipeline, c.Books, c.Replays, c.Consumers = v.conn, v.db, v.db, []string{v.durable.Name}
		c.Letters = &stream.Letters{Conn: v.conn, Book: v.db}
		c.Logger, c.Clock = slog.New(slog.DiscardHandler), time.Now
	})
	v.fill()
	return v
}

// try ends the test at an error.
func (v *victim) try(errs ...error) {
	v.Helper()
	for _, err := range errs {
		if err != nil {
			v.Fatal(err)
		}
	}
}

// fill gives the victim one of everything.
func (v *victim) fill() {
	v.Helper()
	ctx, at := v.Context(), time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)
	account := schema.Account{OrganizationID: v.ours, AccountSID: postgrestest.AccountSID, AuthTokens: []string{postgrestest.AuthToken}, TranscriptionEnabled: true}
	header := schema.Header{AccountSID: account.AccountSID, OrganizationID: v.ours, OccurredAt: at}
	v.try(v.db.RenameOrganization(ctx, v.ours, secretName), v.db.SaveTwilioAccount(ctx, account), v.db.AddPhoneNumber(ctx, v.ours, postgrestest.Number))
	v.try(v.db.SetVoicePlan(ctx, v.ours, postgrestest.Number, &schema.VoicePlan{Action: schema.VoiceVoicemail, Greeting: secretWords}))
	_, err := v.db.MergeCalls(ctx, []schema.CallUpdate{{
		AccountSID: account.AccountSID, OrganizationID: v.ours, Creates: true,
		Facts: schema.CallFacts{CallSID: callSID, From: secretCaller, To: postgrestest.Number, StartedAt: &at},
		Entry: schema.TimelineEntry{CallSID: callSID, MsgID: "1", Kind: schema.KindCallAnswered, Origin: schema.OriginEventStream, OccurredAt: at, StoredAt: at},
	}})
	v.try(err)
	v.try(v.db.SaveRecording(ctx, account.AccountSID, v.ours, schema.RecordingFacts{RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingCompleted}, false))
	v.try(v.db.MarkArchived(ctx, recordingSID, schema.Object{URL: "s3://bucket/key", Key: "key", Size: int64(len(audio)), SHA256: strings.Repeat("ab", 32)}))
	v.try(v.db.SaveTranscript(ctx, recordingSID, schema.Transcript{Text: secretWords, Model: "whisper-1"}))
	v.try(v.db.MergeMessages(ctx, []schema.MessageUpdated{{Header: header, MessageSID: messageSID, Status: schema.MessageDelivered, From: secretCaller, To: postgrestest.Number, Body: secretWords}}))
	v.key(v.ours, secretKey, api.PermissionAdmin)

	e := streamtest.Answered(1)
	e.OrganizationID, e.Call.From = v.ours, secretCaller
	v.try(v.conn.Publish(ctx, e))
	v.consume()
	streamtest.DeadLetters(v.T, v.conn, 1)
	v.places["{letter_id}"] = fmt.Sprint(v.list(v.own, v.letters, "dead_letters")[0])
	v.places["{id}"] = v.list(v.own, "/api/keys", "keys")[0].(string)
	replay, err := v.db.QueueReplay(ctx, schema.ReplaySpec{Consumer: v.durable.Name, Organization: v.ours, CallSID: callSID})
	v.try(err)
	v.places["{replay_id}"] = replay.ID
}

// path is the operation's, filled in with what is the victim's.
func (v *victim) path(o described) string {
	path := o.path
	for place, value := range v.places {
		path = strings.ReplaceAll(path, place, value)
	}
	if strings.Contains(path, "{") {
		v.Errorf("the victim has nothing for %s", o.path)
	}
	return path
}

// used is when a key was used last, which one that looks changes itself.
var used = regexp.MustCompile(`"last_used_at":"[^"]*"`)

// sees returns all that the victim can read, but for what reading changes.
func (v *victim) sees(all []described) map[string]string {
	seen := map[string]string{}
	for _, o := range all {
		if o.method != "GET" || strings.HasSuffix(o.path, "/media") || (o.Scope != "organization" && o.Scope != "holder") {
			continue
		}
		response, answer := ask(v.T, v, v.own, o.method, v.path(o), "")
		if response.StatusCode != 200 {
			v.Errorf("the victim's own %s: %d %s", o.path, response.StatusCode, answer)
		}
		seen[o.path] = used.ReplaceAllString(answer, "")
	}
	return seen
}

// Every operation of the document, on what a real organization has, with each
// permission of another one, which names the victim or does not: nothing of the
// victim's is told, and nothing of it changes. A new operation takes part by
// being there.
func TestNoOperationReachesAnotherOrganization(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	_, all := document(t)
	before := v.sees(all)
	told := strings.Join([]string{before["/api/calls"], before["/api/messages"], before["/api/organization"], before["/api/keys"], before["/api/numbers"]}, "")
	for _, secret := range []string{secretName, secretCaller, secretWords, secretKey} {
		if !strings.Contains(told, secret) {
			t.Errorf("not even the victim is told of %q", secret)
		}
	}
	for _, permission := range api.Permissions {
		key := v.key(v.theirs, "a thief who may "+permission, permission)
		for _, o := range all {
			for _, named := range []string{"", v.ours} {
				_, _, body := o.request(t)
				response, answer := ask(t, v, key, o.method, v.path(o), body, "Callstream-Organization", named)
				if response.StatusCode >= 500 {
					t.Errorf("%s %s: %d %s", o.method, o.path, response.StatusCode, answer)
				}
				for _, secret := range []string{secretName, secretCaller, secretWords, secretKey, audio} {
					if strings.Contains(answer, secret) {
						t.Errorf("%s %s, with %s of another organization, tells %q: %s", o.method, o.path, permission, secret, answer)
					}
				}
			}
		}
	}
	if diff := cmp.Diff(before, v.sees(all)); diff != "" {
		t.Errorf("the victim sees what another organization did:\n%s", diff)
	}
}
