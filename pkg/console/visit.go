package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// visit is one request to the console.
type visit struct {
	console *console
	w       http.ResponseWriter
	r       *http.Request
	session session
	me      visitor
	orgs    []schema.Organization // that an operator may choose from
}

// visitor is who visits, as the API knows them.
type visitor struct {
	Name           string   `json:"name"`
	OrganizationID string   `json:"organization_id"` // empty: an operator
	Permissions    []string `json:"permissions"`
}

// May reports whether the visitor holds the permission.
func (v visitor) May(permission string) bool {
	if operators, ok := strings.CutPrefix(permission, operatorsMay); ok {
		return v.Operator() && v.May(operators)
	}
	return permission == "" || slices.Contains(v.Permissions, permission) || slices.Contains(v.Permissions, mayAdmin)
}

// Operator reports whether the visitor belongs to no organization.
func (v visitor) Operator() bool { return v.OrganizationID == "" }

// errSignedOut is the end of a visit for which nobody is signed in.
var errSignedOut = errors.New("nobody is signed in")

// serve runs the route for who may, and errs for who may not.
func (v *visit) serve(r route) error {
	if r.permission == anyone {
		return r.serve(v)
	}
	if err := v.enter(); err != nil {
		return err
	}
	if !v.me.May(r.permission) {
		return v.lacks(r.permission)
	}
	return r.serve(v)
}

// lacks says that the visitor does not hold the permission.
func (v *visit) lacks(permission string) error {
	operators, only := strings.CutPrefix(permission, operatorsMay)
	if only && !v.me.Operator() {
		return &problem{Status: http.StatusForbidden, Detail: fmt.Sprintf(
			"This page is about all organizations and only for operators, whose keys belong to none. The key %q belongs to one.", v.me.Name)}
	}
	return &problem{Status: http.StatusForbidden, Detail: fmt.Sprintf(
		"This page needs the permission %q, which the key %q does not hold. Ask an administrator for a key that does.", operators, v.me.Name)}
}

// enter finds out who visits, and for which organization.
func (v *visit) enter() error {
	var ok bool
	if v.session, ok = v.console.session(v.r); !ok {
		return errSignedOut
	}
	if err := v.get("/api/me", nil, &v.me); err != nil {
		return err
	}
	if v.me.Operator() {
		if err := v.choose(); err != nil {
			return err
		}
	}
	if v.console.Clock().Sub(v.session.Made) > sessionRenew {
		return v.console.keep(v.w, v.r, v.session)
	}
	return nil
}

// choose finds the organizations that an operator may look at, and looks at the
// first until they choose.
func (v *visit) choose() error {
	if !v.me.May(mayAdmin) {
		return nil // may not list them
	}
	var answer struct{ Organizations []schema.Organization }
	if err := v.get("/api/organizations", nil, &answer); err != nil {
		return err
	}
	v.orgs = answer.Organizations
	chosen := func(o schema.Organization) bool { return o.ID == v.session.Organization }
	if !slices.ContainsFunc(v.orgs, chosen) {
		v.session.Organization = ""
		if len(v.orgs) > 0 {
			v.session.Organization = v.orgs[0].ID
		}
	}
	return nil
}

// client returns what asks the API as the visitor.
func (v *visit) client() client {
	return client{api: v.console.API, key: v.session.Key, org: v.session.Organization, from: v.r.RemoteAddr}
}

// get asks the API for path and reads the answer into a pointer.
func (v *visit) get(path string, query url.Values, into any) error {
	c := v.client()
	if path == "/api/me" || path == "/api/organizations" {
		c.org = "" // a chosen one that is gone must not keep its operator out
	}
	return c.get(v.r.Context(), path, query, into)
}

// send has the API do something. body and into may be nil.
func (v *visit) send(method, path string, body, into any) error {
	return v.client().do(v.r.Context(), method, path, body, into)
}

// redirect sends the visitor to a path of the console by GET.
func (v *visit) redirect(to string) error {
	if v.htmx() {
		v.w.Header().Set("HX-Redirect", to)
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// htmx reports whether a part of a page that is there already is asked for.
func (v *visit) htmx() bool { return v.r.Header.Get("HX-Request") == "true" }

// notice is told on the next page that the visitor sees.
type notice struct {
	Text string `json:"text"`
	Bad  bool   `json:"bad,omitempty"`
}

// notice says on the next page what was done.
func (v *visit) notice(format string, args ...any) {
	v.leave(notice{Text: fmt.Sprintf(format, args...)})
}

// complain says on the next page what was not done, and why.
func (v *visit) complain(err error) { v.leave(notice{Text: err.Error(), Bad: true}) }

func (v *visit) leave(n notice) {
	if err := v.console.write(v.w, v.r, noticeCookie, sealNotice, n, time.Minute); err != nil {
		v.console.Logger.Warn("leave notice", "error", err)
	}
}
