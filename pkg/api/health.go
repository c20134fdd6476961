package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// health checks an organization's account as it is at Twilio.
type health interface {
	Organization(ctx context.Context, org string, yield func(schema.Finding))
}

func (a *api) registerHealth(h huma.API) {
	huma.Register(h, route{
		id: "get-twilio-health", method: http.MethodGet, path: "/api/twilio/health", permission: PermissionRead,
		summary: "Check the organization's Twilio account: credentials, event sinks, numbers, media",
		about:   "Asks Twilio afresh each time, so it takes a moment. Every finding that is not `ok` says what to do.",
		answers: map[string]any{"findings": []schema.Finding{{
			Check: "twilio.credentials", Severity: schema.SeverityFailed,
			Detail: "Twilio refuses the account SID and auth token", Advice: "PATCH /api/twilio/settings with the account's auth_token",
		}}},
	}.operation(), a.getHealth)
}

type healthOutput struct {
	Body struct {
		Findings []schema.Finding `json:"findings"`
	}
}

// getHealth answers the findings in the order in which they were made. That
// something is wrong with the account is what was asked for, not an error.
func (a *api) getHealth(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Findings = []schema.Finding{}
	a.Health.Organization(ctx, organization(ctx), func(f schema.Finding) {
		out.Body.Findings = append(out.Body.Findings, f)
	})
	return out, nil
}
