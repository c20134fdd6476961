package api_test

import (
	"slices"
	"testing"
	"time"
)

func TestCreateKey(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_admin", "POST", "/api/keys",
		`{"name":"night shift","permissions":["read","TwilioCollectionPermission::Create","read"]}`)
	if response.StatusCode != 201 || body != `{"key":"csk_new"}`+"\n" {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if want := []string{"read", "TwilioCollectionPermission::Create"}; !slices.Equal(s.issued, want) {
		t.Errorf("permissions %v, want %v", s.issued, want)
	}
	for _, body := range []string{
		`{"name":"x","permissions":["write"]}`, `{"name":"x","permissions":[]}`, `{"name":"x"}`, `{"name":"","permissions":["read"]}`,
		`{"permissions":["read"]}`, `{"name":"x","permissions":["read"],"organization_id":"` + otherOrg + `"}`,
		`{"name":"x","permissions":[{}]}`, `{"name":"x","permissions":"read"}`, `{"name":"x","permissions":null}`,
	} {
		s := &store{}
		if response, answer := request(t, s, "csk_admin", "POST", "/api/keys", body); response.StatusCode != 422 || s.issued != nil {
			t.Errorf("%s: %d %s", body, response.StatusCode, answer)
		}
	}
}

func TestRotateKey(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]time.Duration{`{"grace_hours":24}`: 24 * time.Hour, `{"grace_hours":0}`: 0} {
		s := &store{grace: -1}
		response, answer := request(t, s, "csk_admin", "POST", "/api/keys/"+keyID+"/rotate", body)
		if response.StatusCode != 201 || answer != `{"key":"csk_new"}`+"\n" || s.grace != want {
			t.Errorf("%s: %d %s, the old key works for %s", body, response.StatusCode, answer, s.grace)
		}
	}
	for _, body := range []string{`{}`, `{"grace_hours":-1}`, `{"grace_hours":1.5}`, `{"grace_hours":721}`, `{"grace_hours":null}`} {
		s := &store{grace: -1}
		if response, answer := request(t, s, "csk_admin", "POST", "/api/keys/"+keyID+"/rotate", body); response.StatusCode != 422 || s.grace != -1 {
			t.Errorf("%s: %d %s", body, response.StatusCode, answer)
		}
	}
}
