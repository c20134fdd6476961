package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// audit is the log of who did what. Changes are written to it by what stores
// them; the API adds the acts that change nothing.
type audit interface {
	Audit(ctx context.Context, org string, e schema.AuditEntry) error
	AuditLog(ctx context.Context, org string, f schema.AuditFilter) (page []schema.AuditEntry, next string, err error)
}

func (a *api) registerAudit(h huma.API) {
	huma.Register(h, route{
		id: "list-audit", method: http.MethodGet, path: "/api/audit", permission: PermissionAdmin, scope: ofHolder,
		summary: "Who changed what, and who played which recording, newest first",
		about:   "Operators who name no organization see every organization's entries, and their own, which have no `organization_id`.",
	}.operation(), a.listAudit)
}

type listAuditInput struct {
	Actor  string    `query:"actor" maxLength:"200" doc:"Who did it, or a part of that"`
	Action string    `query:"action" maxLength:"64" doc:"What was done, or how it begins, as settings."`
	Target string    `query:"target" maxLength:"200" doc:"What it was done to, or a part of that"`
	Since  time.Time `query:"since" doc:"At or after"`
	Until  time.Time `query:"until" doc:"Before"`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string    `query:"cursor" maxLength:"256" doc:"next of the page before"`
}

type auditPage struct {
	Body struct {
		Entries []schema.AuditEntry `json:"entries"`
		Next    string              `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listAudit answers one page of the audit log within the caller's reach.
func (a *api) listAudit(ctx context.Context, in *listAuditInput) (*auditPage, error) {
	page, next, err := a.Audit.AuditLog(ctx, reach(ctx), schema.AuditFilter{
		Actor: in.Actor, Action: in.Action, Target: in.Target, Since: in.Since, Until: in.Until, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, a.problem(err)
	}
	out := &auditPage{}
	out.Body.Entries, out.Body.Next = orEmpty(page), next
	return out, nil
}
