package twilio

import (
	"context"
	"fmt"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/loquent/callstream/schema"
)

// FetchCall returns what Twilio knows of the call, normalized. AnsweredAt stays
// unknown: the REST API tells when a call started to be dialled and when it
// ended. NotFound for a call of another account, region or of long ago.
func (c *Client) FetchCall(ctx context.Context, a schema.Account, callSID string) (schema.CallFacts, error) {
	if err := schema.CheckSID("call_sid", callSID, schema.CallPrefix); err != nil {
		return schema.CallFacts{}, err
	}
	got, err := call(ctx, c, a, "fetch_call", func(h *client.RequestHandler) (*api.ApiV2010Call, error) {
		return api.NewApiService(h).FetchCall(callSID, nil)
	})
	if err == nil && value(got.Sid) != callSID {
		err = mismatch(callSID, value(got.Sid))
	}
	if err != nil {
		return schema.CallFacts{}, fmt.Errorf("fetch call %s: %w", callSID, err)
	}
	return callFacts(got), nil
}

// callFacts normalizes a call of the REST API, any of whose fields may be
// absent.
func callFacts(call *api.ApiV2010Call) schema.CallFacts {
	facts := schema.CallFacts{
		CallSID:       value(call.Sid),
		ParentCallSID: sid(call.ParentCallSid, schema.CallPrefix),
		From:          schema.NormalizeNumber(value(call.From)),
		To:            schema.NormalizeNumber(value(call.To)),
		StartedAt:     instant(call.StartTime),
		EndedAt:       instant(call.EndTime),
		Duration:      seconds(call.Duration),
		TrunkSID:      sid(call.TrunkSid, schema.TrunkPrefix),
		Caller:        value(call.CallerName),
	}
	facts.Leg, _ = schema.ParseLeg(value(call.Direction))
	facts.Status, _ = schema.ParseCallStatus(value(call.Status))
	return facts
}
