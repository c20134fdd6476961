package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// settings reads and changes an organization's Twilio settings.
type settings interface {
	Settings(ctx context.Context, org string) (schema.Settings, error)
	ChangeSettings(ctx context.Context, org string, change schema.SettingsChange) (schema.Settings, error)
}

// credentials says whether Twilio accepts an account as it would be after a
// change; [schema.Invalid] when it does not.
type credentials interface {
	CheckCredentials(ctx context.Context, org string, change schema.SettingsChange) error
}

func (a *api) registerSettings(h huma.API) {
	huma.Register(h, route{
		id: "get-twilio-settings", method: http.MethodGet, path: "/api/twilio/settings", permission: PermissionRead,
		summary: "The organization's Twilio settings",
		about:   "Tokens go in and never come out: of the secondary one the answer says whether it is set.",
		answers: settingsExample,
	}.operation(), a.getSettings)
	huma.Register(h, route{
		id: "update-twilio-settings", method: http.MethodPatch, path: "/api/twilio/settings", permission: PermissionUpdate,
		summary: "Change the settings that the body names",
		about: "What the body leaves out stays; it names at least one setting. The answer is the whole. " +
			"`call_recording_enabled` takes effect with the next answered call, in every process. " +
			"An organization without an account gets one by `account_sid` and `auth_token` together. " +
			"Changing `account_sid`, a token, `region` or `edge` needs the permission `admin`.",
		errors:  []int{http.StatusConflict},
		example: map[string]any{"call_recording_enabled": true},
		answers: settingsExample,
	}.operation(), a.updateSettings)
}

var settingsExample = schema.Settings{
	AccountSID: "AC00000000000000000000000000000001", RecordingEnabled: true,
	RecordingSince: time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC), RecordingBy: "key:Ada", TranscriptionEnabled: true,
	Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	CallEvents: schema.EventStreaming{
		Active: true, SinkSID: "DG00000000000000000000000000000001", SubscriptionSID: "DF00000000000000000000000000000001",
	},
}

type settingsOutput struct {
	Body schema.Settings
}

// getSettings answers the settings as they are in the database now.
func (a *api) getSettings(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
	found, err := a.Settings.Settings(ctx, organization(ctx))
	if schema.CodeOf(err) == schema.NotFound {
		err = schema.Errorf(schema.NotFound, "there is no Twilio account yet; PATCH /api/twilio/settings with account_sid and auth_token")
	}
	if err != nil {
		return nil, a.problem(err)
	}
	return &settingsOutput{found}, nil
}

// settingsPatch is the body of a change; nil leaves a setting as it is. Region
// and edge become part of a host name, so nothing but a label gets in.
type settingsPatch struct {
	AccountSID           *string `json:"account_sid,omitempty" pattern:"^AC[0-9a-f]{32}$" dependentRequired:"auth_token" doc:"Of Twilio; with the token that belongs to it"`
	AuthToken            *string `json:"auth_token,omitempty" writeOnly:"true" minLength:"1" maxLength:"256" doc:"The primary one, which signs webhooks"`
	SecondaryAuthToken   *string `json:"secondary_auth_token,omitempty" writeOnly:"true" maxLength:"256" doc:"Accepted too, while tokens are rotated; empty: no more"`
	Region               *string `json:"region,omitempty" pattern:"^([a-z0-9]+(-[a-z0-9]+)*)?$" maxLength:"32" example:"ie1" doc:"Twilio's; empty: us1"`
	Edge                 *string `json:"edge,omitempty" pattern:"^([a-z0-9]+(-[a-z0-9]+)*)?$" maxLength:"32" example:"dublin" doc:"Twilio's; empty: by region"`
	RecordingEnabled     *bool   `json:"call_recording_enabled,omitempty" doc:"Takes effect with the next answered call, in every process"`
	TranscriptionEnabled *bool   `json:"transcription_enabled,omitempty" doc:"Whether recordings are transcribed"`
	Unexpected           *string `json:"unexpected_recordings,omitempty" enum:"process,quarantine" doc:"What becomes of audio that the account's own set-up recorded while recording was off"`
	Delete               *string `json:"delete_from_twilio,omitempty" enum:"archived,own,never" doc:"Which recordings are deleted at Twilio once their copy is proven"`
}

// change is what the patch asks for.
func (p settingsPatch) change() schema.SettingsChange {
	return schema.SettingsChange{
		AccountSID: p.AccountSID, AuthToken: p.AuthToken, SecondaryAuthToken: p.SecondaryAuthToken,
		Region: p.Region, Edge: p.Edge,
		RecordingEnabled: p.RecordingEnabled, TranscriptionEnabled: p.TranscriptionEnabled,
		Unexpected: (*schema.Unexpected)(p.Unexpected), Delete: (*schema.DeletePolicy)(p.Delete),
	}
}

// credentials reports whether the patch changes how Twilio is reached, and as
// whom: whoever may do that can have another's calls signed for.
func (p settingsPatch) credentials() bool {
	return p.AccountSID != nil || p.AuthToken != nil || p.SecondaryAuthToken != nil || p.Region != nil || p.Edge != nil
}

type updateSettingsInput struct {
	Body settingsPatch
}

// updateSettings changes what the body names and answers the whole.
func (a *api) updateSettings(ctx context.Context, in *updateSettingsInput) (*settingsOutput, error) {
	if in.Body == (settingsPatch{}) {
		return nil, a.problem(schema.Errorf(schema.Invalid, "name at least one setting to change; /api/openapi.json lists them"))
	}
	if in.Body.credentials() {
		if err := needs(ctx, PermissionAdmin); err != nil {
			return nil, a.problem(err)
		}
		if a.Credentials != nil {
			if err := a.Credentials.CheckCredentials(ctx, organization(ctx), in.Body.change()); err != nil {
				return nil, a.problem(err)
			}
		}
	}
	changed, err := a.Settings.ChangeSettings(ctx, organization(ctx), in.Body.change())
	if err != nil {
		return nil, a.problem(err)
	}
	return &settingsOutput{changed}, nil
}
