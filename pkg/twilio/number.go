package twilio

import (
	"context"
	"fmt"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/loquent/callstream/schema"
)

// ListNumbers returns the telephone numbers of the account.
func (c *Client) ListNumbers(ctx context.Context, a schema.Account) ([]schema.TwilioNumber, error) {
	params := (&api.ListIncomingPhoneNumberParams{}).SetPageSize(pageSize)
	listed, err := call(ctx, c, a, "list_numbers", func(h *client.RequestHandler) ([]api.ApiV2010IncomingPhoneNumber, error) {
		return api.NewApiService(h).ListIncomingPhoneNumber(params)
	})
	if err != nil {
		return nil, fmt.Errorf("list numbers: %w", err)
	}
	numbers := make([]schema.TwilioNumber, 0, len(listed))
	for i := range listed {
		numbers = append(numbers, schema.TwilioNumber{
			SID:       value(listed[i].Sid),
			Number:    schema.NormalizeNumber(value(listed[i].PhoneNumber)),
			VoiceURL:  value(listed[i].VoiceUrl),
			StatusURL: value(listed[i].StatusCallback),
			TrunkSID:  value(listed[i].TrunkSid),
		})
	}
	return numbers, nil
}

// ConnectNumber has Twilio tell statusURL of the statuses of calls to the
// number and, unless voiceURL is empty, ask voiceURL how to answer them, both
// by POST. An empty voiceURL leaves the answering as it is.
func (c *Client) ConnectNumber(ctx context.Context, a schema.Account, numberSID, voiceURL, statusURL string) error {
	if err := schema.CheckSID("number_sid", numberSID, schema.NumberPrefix); err != nil {
		return err
	}
	if err := checkURL("status callback", statusURL); err != nil {
		return err
	}
	params := (&api.UpdateIncomingPhoneNumberParams{}).SetStatusCallback(statusURL).SetStatusCallbackMethod("POST")
	if voiceURL != "" {
		if err := checkURL("voice URL", voiceURL); err != nil {
			return err
		}
		params.SetVoiceUrl(voiceURL).SetVoiceMethod("POST")
	}
	_, err := call(ctx, c, a, "connect_number", func(h *client.RequestHandler) (*api.ApiV2010IncomingPhoneNumber, error) {
		return api.NewApiService(h).UpdateIncomingPhoneNumber(numberSID, params)
	})
	if err != nil {
		return fmt.Errorf("connect number %s: %w", numberSID, err)
	}
	return nil
}
