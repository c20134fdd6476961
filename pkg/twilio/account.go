package twilio

import (
	"context"
	"fmt"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
	insights "github.com/twilio/twilio-go/rest/insights/v1"

	"github.com/loquent/callstream/schema"
)

// FetchAccount returns the account as Twilio describes it. Unauthorized says
// that Twilio does not accept the credentials.
func (c *Client) FetchAccount(ctx context.Context, a schema.Account) (schema.TwilioAccount, error) {
	got, err := call(ctx, c, a, "fetch_account", func(h *client.RequestHandler) (*api.ApiV2010Account, error) {
		return api.NewApiService(h).FetchAccount(a.AccountSID)
	})
	if err == nil && value(got.Sid) != a.AccountSID {
		err = mismatch(a.AccountSID, value(got.Sid))
	}
	if err != nil {
		return schema.TwilioAccount{}, fmt.Errorf("fetch account %s: %w", a.AccountSID, err)
	}
	return schema.TwilioAccount{
		SID:    value(got.Sid),
		Name:   value(got.FriendlyName),
		Status: value(got.Status),
		Type:   value(got.Type),
	}, nil
}

// InsightsAdvanced reports whether Voice Insights' Advanced Features are
// switched on, without which Twilio sends no call summaries. Invalid where the
// client has no address for Voice Insights.
func (c *Client) InsightsAdvanced(ctx context.Context, a schema.Account) (bool, error) {
	if c.insights == nil {
		return false, schema.Errorf(schema.Invalid, "Voice Insights cannot be asked: TWILIO_EVENTS_URL is not Twilio's own, and TWILIO_INSIGHTS_URL is not set")
	}
	got, err := call(ctx, c, a, "fetch_insights_settings", func(h *client.RequestHandler) (*insights.InsightsV1AccountSettings, error) {
		return insights.NewApiService(h).FetchAccountSettings(&insights.FetchAccountSettingsParams{})
	})
	if err != nil {
		return false, fmt.Errorf("fetch Voice Insights settings: %w", err)
	}
	return value(got.AdvancedFeatures), nil
}
