package api_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/api"
	"github.com/loquent/callstream/schema"
)

const settingsPath = "/api/twilio/settings"

func TestTheSwitch(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_update", "PATCH", settingsPath, `{"call_recording_enabled":true}`)
	if response.StatusCode != 200 || !strings.Contains(body, `"call_recording_enabled":true`) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if on := s.change.RecordingEnabled; on == nil || !*on {
		t.Errorf("change %+v", s.change)
	}
	s.change.RecordingEnabled = nil
	if s.change != (schema.SettingsChange{}) {
		t.Errorf("what the body leaves out is to stay, and %+v is to change", s.change)
	}
}

func TestEverySettingIsPassedOn(t *testing.T) {
	t.Parallel()
	s := &store{}
	response, body := request(t, s, "csk_admin", "PATCH", settingsPath, `{"account_sid":"AC00000000000000000000000000000002",
		"auth_token":"first-secret","secondary_auth_token":"","region":"ie1","edge":"dublin","call_recording_enabled":false,
		"transcription_enabled":false,"unexpected_recordings":"quarantine","delete_from_twilio":"own"}`)
	if response.StatusCode != 200 {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	c := s.change
	if *c.AccountSID != "AC00000000000000000000000000000002" || *c.AuthToken != "first-secret" || *c.SecondaryAuthToken != "" ||
		*c.Region != "ie1" || *c.Edge != "dublin" || *c.RecordingEnabled || *c.TranscriptionEnabled ||
		*c.Unexpected != schema.UnexpectedQuarantine || *c.Delete != schema.DeleteOwn {
		t.Errorf("change %+v", c)
	}
}

// Who may switch recording may not have another account's calls signed for.
func TestCredentialsNeedAnAdministrator(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"account_sid":"AC00000000000000000000000000000002","auth_token":"first-secret"}`,
		`{"auth_token":"first-secret"}`,
		`{"secondary_auth_token":""}`,
		`{"region":""}`,
		`{"edge":"dublin","call_recording_enabled":true}`,
		`{"Auth_Token":"first-secret"}`,
	} {
		s := &store{}
		response, answer := request(t, s, "csk_update", "PATCH", settingsPath, body)
		if response.StatusCode != 403 || !strings.Contains(answer, "admin") || len(s.asked) > 0 {
			t.Errorf("%s: %d %s", body, response.StatusCode, answer)
		}
		if response, answer = request(t, s, "csk_admin", "PATCH", settingsPath, body); response.StatusCode != 200 {
			t.Errorf("%s, by an administrator: %d %s", body, response.StatusCode, answer)
		}
	}
}

// Whatever is wrong with a body, nothing of it comes back, and no log has it.
func TestTokensNeverComeBack(t *testing.T) {
	t.Parallel()
	const secret = "0123456789-very-secret"
	for _, body := range []string{
		`{"auth_token":"` + secret + `","secondary_auth_token":"` + secret + `"}`,
		`{"auth_token":"` + secret + `","no_such_setting":1}`,
		`{"auth_token":"` + secret + `","region":"evil.example/"}`,
		`{"auth_token":["` + secret + `"]}`,
		`{"auth_token":{"` + secret + `":1}}`,
		`{"auth_token":"` + strings.Repeat(secret, 20) + `"}`,
		`{"account_sid":"` + secret + `"}`,
		`{"account_sid":"AC00000000000000000000000000000002","secondary_auth_token":"` + secret + `"}`,
		`{"auth_token":"` + secret,
		`["` + secret + `"]`,
		`"` + secret + `"`,
	} {
		var log strings.Builder
		h := (&store{}).handler(func(c *api.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		for _, contentType := range []string{"application/json", "text/plain"} {
			_, answer := ask(t, h, "csk_admin", "PATCH", settingsPath, body, "Content-Type", contentType)
			if strings.Contains(answer+log.String(), secret) {
				t.Errorf("%s as %s: %s, log %s", body, contentType, answer, log.String())
			}
		}
	}
}

// A region or edge is a part of a host's name; an account needs its token.
func TestSettingsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"region":"ie1.evil.example"}`, `{"edge":"dublin/"}`, `{"edge":"-"}`, `{"region":"` + strings.Repeat("a", 33) + `"}`,
		`{"account_sid":"AC00000000000000000000000000000002"}`, `{"account_sid":"AC1","auth_token":"t"}`, `{"auth_token":""}`,
		`{"unexpected_recordings":"keep"}`, `{"delete_from_twilio":"always"}`, `{"call_recording_enabled":"yes"}`,
	} {
		s := &store{}
		if response, answer := request(t, s, "csk_admin", "PATCH", settingsPath, body); response.StatusCode != 422 || len(s.asked) > 0 {
			t.Errorf("%s: %d %s", body, response.StatusCode, answer)
		}
	}
}

// doubting is a Twilio that accepts one token.
type doubting struct{ token string }

func (d doubting) CheckCredentials(_ context.Context, _ string, c schema.SettingsChange) error {
	if c.AuthToken != nil && *c.AuthToken != d.token {
		return schema.Errorf(schema.Invalid, "the credentials were not stored, because Twilio does not accept them")
	}
	return nil
}

// What Twilio does not accept is not stored; other settings do not ask it.
func TestCredentialsThatTwilioDoesNotAcceptAreNotStored(t *testing.T) {
	t.Parallel()
	s := &store{}
	h := s.handler(func(c *api.Config) { c.Credentials = doubting{"good"} })
	response, body := ask(t, h, "csk_admin", "PATCH", settingsPath, `{"auth_token":"bad"}`)
	if response.StatusCode != 422 || !strings.Contains(body, "does not accept them") || s.change != (schema.SettingsChange{}) {
		t.Errorf("%d %s, changed %+v", response.StatusCode, body, s.change)
	}
	if response, body := ask(t, h, "csk_admin", "PATCH", settingsPath, `{"auth_token":"good"}`); response.StatusCode != 200 || s.change.AuthToken == nil {
		t.Errorf("%d %s, changed %+v", response.StatusCode, body, s.change)
	}
	if response, body := ask(t, h, "csk_update", "PATCH", settingsPath, `{"call_recording_enabled":true}`); response.StatusCode != 200 {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}
