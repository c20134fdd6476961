package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/api"
)

// places are what the paths of the document are filled in with. A new
// parameter needs one here.
var places = map[string]string{
	"{call_sid}":      callSID,
	"{recording_sid}": recordingSID,
	"{message_sid}":   messageSID,
	"{number}":        "%2B15550001111",
	"{id}":            keyID,
	"{letter_id}":     "7",
	"{replay_id}":     replayID,
}

// promised is what each operation needs. The document is made from the code,
// so that it alone would follow a mistake.
var promised = map[string]string{
	"GET /api/me":                                  "",
	"GET /api/organization":                        "read",
	"PATCH /api/organization":                      "admin",
	"GET /api/organizations":                       "admin",
	"POST /api/organizations":                      "admin",
	"GET /api/calls":                               "read",
	"GET /api/calls/{call_sid}":                    "read",
	"GET /api/calls/{call_sid}/timeline":           "read",
	"GET /api/recordings/{recording_sid}/media":    "play",
	"GET /api/recordings/{recording_sid}/waveform": "play",
	"GET /api/messages":                            "read",
	"GET /api/messages/{message_sid}":              "read",
	"GET /api/twilio/settings":                     "read",
	"PATCH /api/twilio/settings":                   "update",
	"GET /api/twilio/health":                       "read",
	"POST /api/twilio/setup-event-sink":            "TwilioCollectionPermission::Create",
	"POST /api/twilio/update-event-subscription":   "TwilioCollectionPermission::Create",
	"POST /api/twilio/remove-event-sink":           "TwilioCollectionPermission::Delete",
	"GET /api/numbers":                             "read",
	"POST /api/numbers":                            "update",
	"DELETE /api/numbers/{number}":                 "update",
	"PUT /api/numbers/{number}/voice":              "update",
	"DELETE /api/numbers/{number}/voice":           "update",
	"POST /api/numbers/{number}/connect":           "update",
	"GET /api/keys":                                "admin",
	"POST /api/keys":                               "admin",
	"POST /api/keys/{id}/rotate":                   "admin",
	"DELETE /api/keys/{id}":                        "admin",
	"GET /api/audit":                               "admin",
	"GET /api/pipeline":                            "operate",
	"GET /api/deadletters":                         "operate",
	"GET /api/deadletters/{letter_id}":             "operate",
	"POST /api/deadletters/{letter_id}/retry":      "operate",
	"POST /api/deadletters/retry":                  "operate",
	"DELETE /api/deadletters/{letter_id}":          "operate",
	"POST /api/replays":                            "operate",
	"GET /api/replays":                             "operate",
	"GET /api/replays/{replay_id}":                 "operate",
	"POST /api/replays/{replay_id}/cancel":         "operate",
	"POST /api/replays/{replay_id}/resume":         "operate",
	"POST /api/replays/estimate":                   "operate",
	"GET /api/pipeline/history":                    "operate",
}

func TestPermissionsAreAsPromised(t *testing.T) {
	t.Parallel()
	_, operations := document(t)
	got := map[string]string{}
	for _, o := range operations {
		got[o.method+" "+o.path] = *o.Permission
		if operators := o.path == "/api/organizations" || strings.HasPrefix(o.path, "/api/pipeline"); operators != (o.Scope == "operators") {
			t.Errorf("%s %s is for %s", o.method, o.path, o.Scope)
		}
	}
	if diff := cmp.Diff(promised, got); diff != "" {
		t.Error(diff)
	}
}

// request returns a request of the operation that would succeed if the caller
// may send it.
func (o described) request(t testing.TB) (method, path, body string) {
	t.Helper()
	path = o.path
	for place, value := range places {
		path = strings.ReplaceAll(path, place, value)
	}
	if strings.Contains(path, "{") {
		t.Fatalf("no value for the parameters of %s", o.path)
	}
	if o.RequestBody != nil {
		body = string(o.RequestBody.Content["application/json"].Example)
	}
	return o.method, path, body
}

// allowed reports whether a key that holds one permission may use the
// operation, as the document tells it.
func (o described) allowed(permission string, operator bool) bool {
	switch o.Scope {
	case "anyone":
		return true
	case "operators":
		return operator && (permission == *o.Permission || permission == api.PermissionAdmin)
	case "organization", "holder":
		return permission == *o.Permission || permission == api.PermissionAdmin
	}
	return false
}

// Every operation of the document, by every permission, held by a key of the
// organization, by another organization's, and by an operator's that names it.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	_, operations := document(t)
	s := &store{}
	h := s.handler()
	for _, o := range operations {
		for _, permission := range api.Permissions {
			for _, c := range []struct {
				prefix, named, about string
				operator             bool
			}{
				{"csk_", "", org, false},
				{"csk_", org, org, false},
				{"csk_other_", "", otherOrg, false},
				{"csk_op_", org, org, true},
			} {
				s.asked, s.owner = nil, c.about
				method, path, body := o.request(t)
				response, answer := ask(t, h, c.prefix+permission, method, path, body, "Callstream-Organization", c.named)
				what := c.prefix + permission + " for " + c.named + ": " + method + " " + path
				switch ok := o.allowed(permission, c.operator); {
				case ok && response.StatusCode >= 300:
					t.Errorf("%s: %d %s", what, response.StatusCode, answer)
				case !ok && (response.StatusCode != http.StatusForbidden || len(s.asked) > 0):
					t.Errorf("%s: %d, having asked for %q", what, response.StatusCode, s.asked)
				}
				if slices.ContainsFunc(s.asked, func(asked string) bool { return asked != c.about }) {
					t.Errorf("%s asked for what belongs to %q", what, s.asked)
				}
			}
		}
	}
}

// Whoever is nobody, or names another organization, or none where one is
// needed, learns nothing, whatever they may do elsewhere.
func TestWhoMayDoNothing(t *testing.T) {
	t.Parallel()
	_, operations := document(t)
	s := &store{}
	h := s.handler()
	for _, o := range operations {
		method, path, body := o.request(t)
		scoped, named := o.Scope == "organization", o.Scope == "organization" || o.Scope == "holder"
		for _, c := range []struct {
			name, key, named string
			status           int
			says             string
			applies          bool
		}{
			{"no key", "", "", 401, "Bearer csk_", true},
			{"an unknown key", "csk_nobody", "", 401, "not known", true},
			{"an unknown key that names an organization", "csk_nobody", org, 401, "not known", true},
			{"a key that names another organization", "csk_admin", otherOrg, 403, "belongs to another organization", true},
			{"an operator's that names none", "csk_op_admin", "", 403, "Callstream-Organization: ID", scoped},
			{"an operator's that names one that is not", "csk_op_admin", keyID, 404, "no such organization", named},
		} {
			if !c.applies {
				continue
			}
			s.asked = nil
			response, answer := ask(t, h, c.key, method, path, body, "Callstream-Organization", c.named)
			if response.StatusCode != c.status || !strings.Contains(answer, c.says) || len(s.asked) > 0 {
				t.Errorf("%s: %s %s: %d %s, having asked for %q", c.name, method, path, response.StatusCode, answer, s.asked)
			}
			if got := response.Header.Get("WWW-Authenticate"); (got == "Bearer") != (c.status == 401) {
				t.Errorf("%s: %s %s: WWW-Authenticate %q", c.name, method, path, got)
			}
		}
	}
}

// Rows carry the database's spelling of an id, whatever an operator's is.
func TestAnOperatorsSpellingOfAnID(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, _ := request(t, s, "csk_op_read", "GET", "/api/calls", "", "Callstream-Organization", strings.ToUpper(org))
	if response.StatusCode != 200 || !slices.Equal(s.asked, []string{org}) {
		t.Errorf("%d, having asked for %q", response.StatusCode, s.asked)
	}
}

// Who acts is told to whatever the request reaches.
func TestTheActorIsTheKey(t *testing.T) {
	t.Parallel()
	s := &store{}
	request(t, s, "csk_op_update", "POST", "/api/numbers", `{"number":"+15550001111"}`, "Callstream-Organization", org)
	if s.actor != "key:csk_op_update" {
		t.Errorf("actor %q", s.actor)
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	_, body := request(t, &store{}, "csk_play", "GET", "/api/me", "")
	if body != `{"key_id":"`+keyID+`","name":"csk_play","organization_id":"`+org+`","permissions":["play"]}`+"\n" {
		t.Errorf("an organization's key: %s", body)
	}
	if _, body = request(t, &store{}, "csk_op_admin", "GET", "/api/me", ""); strings.Contains(body, "organization_id") {
		t.Errorf("an operator's key: %s", body)
	}
}
