package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

func (a *api) registerSettings(h huma.API) {
	huma.Register(h, operation("get-twilio-settings", http.MethodGet, "/api/twilio/settings", PermissionRead,
		"The organization's Twilio settings; tokens are never shown"), a.getSettings)
	huma.Register(h, operation("update-twilio-settings", http.MethodPatch, "/api/twilio/settings", PermissionUpdate,
		"Switch call recording on or off, from the next answered call on"), a.updateSettings)
}

type settingsOutput struct {
	Body struct {
		AccountSID           string              `json:"account_sid"`
		CallRecordingEnabled bool                `json:"call_recording_enabled"`
		TranscriptionEnabled bool                `json:"transcription_enabled"`
		UnexpectedRecordings schema.Unexpected   `json:"unexpected_recordings"`
		DeleteFromTwilio     schema.DeletePolicy `json:"delete_from_twilio"`
	}
}

// getSettings answers the settings as they are in the database now.
func (a *api) getSettings(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
	account, err := a.Settings.AccountByOrganization(ctx, organization(ctx))
	if err != nil {
		return nil, a.problem(err)
	}
	out := &settingsOutput{}
	out.Body.AccountSID = account.AccountSID
	out.Body.CallRecordingEnabled = account.RecordingEnabled
	out.Body.TranscriptionEnabled = account.TranscriptionEnabled
	out.Body.UnexpectedRecordings = account.Unexpected
	out.Body.DeleteFromTwilio = account.Delete
	return out, nil
}

type updateSettingsInput struct {
	Body struct {
		CallRecordingEnabled *bool `json:"call_recording_enabled,omitempty" doc:"Takes effect with the next answered call, in every process"`
	}
}

// updateSettings changes what the body names and answers the whole.
func (a *api) updateSettings(ctx context.Context, in *updateSettingsInput) (*settingsOutput, error) {
	if on := in.Body.CallRecordingEnabled; on != nil {
		if err := a.Settings.SetRecordingEnabled(ctx, organization(ctx), *on); err != nil {
			return nil, a.problem(err)
		}
	}
	return a.getSettings(ctx, nil)
}
