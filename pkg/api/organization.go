package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// organizations reads and names one organization.
type organizations interface {
	Organization(ctx context.Context, org string) (schema.Organization, error)
	RenameOrganization(ctx context.Context, org, name string) error
}

// tenants are all organizations, as an operator sees them.
type tenants interface {
	Organizations(ctx context.Context) ([]schema.Organization, error)
	CreateOrganization(ctx context.Context, name string) (id string, err error)
}

func (a *api) registerMe(h huma.API) {
	huma.Register(h, route{
		id: "get-me", method: http.MethodGet, path: "/api/me", scope: ofAnyone,
		summary: "Who the key belongs to and what it may do",
		about:   "A key without `organization_id` is an operator's.",
	}.operation(), a.getMe)
}

type meOutput struct {
	Body struct {
		KeyID          string   `json:"key_id"`
		Name           string   `json:"name" doc:"As the key was called when it was made"`
		OrganizationID string   `json:"organization_id,omitempty"`
		Permissions    []string `json:"permissions" doc:"admin implies every other"`
	}
}

// getMe answers who calls.
func (a *api) getMe(ctx context.Context, _ *struct{}) (*meOutput, error) {
	who := caller(ctx)
	out := &meOutput{}
	out.Body.KeyID, out.Body.Name, out.Body.OrganizationID = who.KeyID, who.Name, who.OrganizationID
	out.Body.Permissions = orEmpty(who.Permissions)
	return out, nil
}

// orEmpty makes an empty list [], which nil would not be.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (a *api) registerOrganization(h huma.API) {
	huma.Register(h, route{
		id: "get-organization", method: http.MethodGet, path: "/api/organization", permission: PermissionRead,
		summary: "The caller's organization",
	}.operation(), a.getOrganization)
	huma.Register(h, route{
		id: "rename-organization", method: http.MethodPatch, path: "/api/organization", permission: PermissionAdmin,
		summary: "Give the organization another name", example: organizationExample,
	}.operation(), a.renameOrganization)
}

var organizationExample = map[string]any{"name": "Example Ltd"}

type organizationOutput struct {
	Body schema.Organization
}

// getOrganization answers the organization that the request is about.
func (a *api) getOrganization(ctx context.Context, _ *struct{}) (*organizationOutput, error) {
	return a.organization(ctx, organization(ctx))
}

func (a *api) organization(ctx context.Context, id string) (*organizationOutput, error) {
	found, err := a.Organizations.Organization(ctx, id)
	if err != nil {
		return nil, a.problem(err)
	}
	return &organizationOutput{found}, nil
}

type organizationInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"For people; need not be the only one of its kind"`
	}
}

// renameOrganization renames and answers the organization.
func (a *api) renameOrganization(ctx context.Context, in *organizationInput) (*organizationOutput, error) {
	if err := a.Organizations.RenameOrganization(ctx, organization(ctx), in.Body.Name); err != nil {
		return nil, a.problem(err)
	}
	return a.getOrganization(ctx, nil)
}

func (a *api) registerTenants(h huma.API) {
	huma.Register(h, route{
		id: "list-organizations", method: http.MethodGet, path: "/api/organizations", permission: PermissionAdmin, scope: ofOperators,
		summary: "All organizations, the oldest first",
	}.operation(), a.listOrganizations)
	huma.Register(h, route{
		id: "create-organization", method: http.MethodPost, path: "/api/organizations", permission: PermissionAdmin, scope: ofOperators,
		summary: "Make an organization", status: http.StatusCreated, example: organizationExample,
		about: "Name its `id` in the header `" + organizationHeader + "` to set it up: settings, numbers, keys.",
	}.operation(), a.createOrganization)
}

type organizationsOutput struct {
	Body struct {
		Organizations []schema.Organization `json:"organizations"`
	}
}

// listOrganizations answers every organization.
func (a *api) listOrganizations(ctx context.Context, _ *struct{}) (*organizationsOutput, error) {
	list, err := a.Tenants.Organizations(ctx)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &organizationsOutput{}
	out.Body.Organizations = orEmpty(list)
	return out, nil
}

type createdOrganization struct {
	Body struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
}

// createOrganization makes an organization and answers its id.
func (a *api) createOrganization(ctx context.Context, in *organizationInput) (*createdOrganization, error) {
	id, err := a.Tenants.CreateOrganization(ctx, in.Body.Name)
	if err != nil {
		return nil, a.problem(err)
	}
	out := &createdOrganization{}
	out.Body.ID, out.Body.Name = id, in.Body.Name
	return out, nil
}
