package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// audit is the log of who did what. Changes are written to it by what stores
// them; the API adds the acts that change nothing.
type audit interface {
	Audit(ctx context.Context, org string, e schema.AuditEntry) error
	AuditLog(ctx context.Context, org string, limit int, cursor string) (page []schema.AuditEntry, next string, err error)
}

func (a *api) registerAudit(h huma.API) {
	huma.Register(h, route{
		id: "list-audit", method: http.MethodGet, path: "/api/audit", permission: PermissionAdmin,
		summary: "Who changed what, and who played which recording, newest first",
	}.operation(), a.listAudit)
}

type listAuditInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
	Cursor string `query:"cursor" maxLength:"256" doc:"next of the page before"`
}

type auditPage struct {
	Body struct {
		Entries []schema.AuditEntry `json:"entries"`
		Next    string              `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	}
}

// listAudit answers one page of the organization's audit log.
func (a *api) listAudit(ctx context.Context, in *listAuditInput) (*auditPage, error) {
	page, next, err := a.Audit.AuditLog(ctx, organization(ctx), in.Limit, in.Cursor)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &auditPage{}
	out.Body.Entries, out.Body.Next = orEmpty(page), next
	return out, nil
}
