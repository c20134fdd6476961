package console

import (
	"net/http"

	"github.com/loquent/callstream/schema"
)

// organizations is what the page for operators about organizations shows.
type organizations struct {
	Organizations []schema.Organization
	Typed         string
	Problem       *problem
}

// organizations lists every organization.
func (c *console) organizations(v *visit) error { return v.organizations("", nil) }

func (v *visit) organizations(typed string, wrong *problem) error {
	var answer struct{ Organizations []schema.Organization }
	if err := v.get("/api/organizations", nil, &answer); err != nil {
		return err
	}
	return v.render(wrong.status(), "organizations", "Organizations", organizations{answer.Organizations, typed, wrong})
}

// createOrganization makes an organization and goes to where it is set up.
func (c *console) createOrganization(v *visit) error {
	name := v.typed("name")
	if name == "" {
		return v.organizations("", amiss("Enter a name."))
	}
	var made struct{ ID string }
	err := v.everywhere().do(v.r.Context(), http.MethodPost, "/api/organizations", map[string]any{"name": name}, &made)
	if p := refused(err); p != nil {
		return v.organizations(name, p)
	}
	if err != nil {
		return err
	}
	v.session.Organization = made.ID
	if err := c.keep(v.w, v.r, v.session); err != nil {
		return err
	}
	v.notice("%s is there, and you look at it now. Enter its Twilio account next.", name)
	return v.redirect("/settings/credentials")
}

// renameOrganization gives an organization another name.
func (c *console) renameOrganization(v *visit) error {
	api, name := v.client(), v.typed("name")
	api.org = v.r.PathValue("id")
	if name == "" {
		return v.organizations("", amiss("Enter a name."))
	}
	err := api.do(v.r.Context(), http.MethodPatch, "/api/organization", map[string]any{"name": name}, nil)
	if p := refused(err); p != nil {
		return v.organizations("", p)
	}
	if err != nil {
		return err
	}
	v.notice("The organization is called %s now.", name)
	return v.redirect("/organizations")
}
