package api

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// scope says whose data an operation touches.
type scope string

// The scopes. The zero value is the narrowest.
const (
	ofOrganization scope = ""          // one organization's: the key's own, or the one that an operator names
	ofHolder       scope = "holder"    // what the key's holder may see: an organization's own; all for an operator who names none
	ofOperators    scope = "operators" // all organizations': only for keys that belong to none
	ofAnyone       scope = "anyone"    // the caller's own: any valid key
)

// route describes one operation.
type route struct {
	id, method, path string
	permission       string // that the caller's key must hold; empty only for [ofAnyone]
	scope            scope
	summary          string
	about            string // what else a caller should know; empty: nothing
	status           int    // of success; zero: 200, or 204 where nothing is answered
	errors           []int  // beside those of every operation
	example          any    // of the request's body, or nil
	answers          any    // an example of the answer, or nil
}

// organizationHeader is how an operator's key names the organization whose data
// it asks for.
const organizationHeader = "Callstream-Organization"

// maxBody is the longest body of a request, in bytes.
const maxBody = 64 << 10

// permissionKey and scopeKey are where an operation tells what it needs, to
// authenticate and, as x-permission and x-scope, to readers of the document.
const (
	permissionKey = "x-permission"
	scopeKey      = "x-scope"
)

// operation returns the route as huma takes it.
func (r route) operation() huma.Operation {
	op := huma.Operation{
		OperationID:   r.id,
		Method:        r.method,
		Path:          r.path,
		Summary:       r.summary,
		Description:   r.description(),
		DefaultStatus: r.status,
		MaxBodyBytes:  maxBody,
		Security:      []map[string][]string{{"key": {}}},
		Extensions:    map[string]any{permissionKey: r.permission, scopeKey: r.scope.String()},
		Errors:        r.allErrors(),
		Responses:     map[string]*huma.Response{},
	}
	if r.scope == ofOrganization || r.scope == ofHolder {
		op.Parameters = []*huma.Param{{
			Name: organizationHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "For operators' keys, which belong to no organization: the id of the one that is meant; it may be left out while there is only one",
		}}
	}
	if r.example != nil {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: r.example}}}
	}
	if r.answers != nil {
		op.Responses["200"] = &huma.Response{
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{"application/json": {Example: r.answers}},
		}
	}
	return op
}

// String names the scope in the document.
func (s scope) String() string {
	if s == ofOrganization {
		return "organization"
	}
	return string(s)
}

// description says in words what the operation needs.
func (r route) description() string {
	needs := "Needs the permission `" + r.permission + "`."
	switch r.scope {
	case ofAnyone:
		needs = "Needs a valid key and no permission."
	case ofHolder:
		needs += " An organization's key is about that organization alone; an operator's, which belongs to none, about all or the one that it names."
	case ofOperators:
		needs = "Needs an operator's key, which belongs to no organization, with the permission `" + r.permission + "`."
	}
	if r.about == "" {
		return needs
	}
	return r.about + "\n\n" + needs
}

// allErrors returns the statuses of the problems that the operation answers
// with; huma adds those of an input that is not as described.
func (r route) allErrors() []int {
	list := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	if r.scope != ofAnyone {
		list = append(list, http.StatusNotFound)
	}
	if r.method == http.MethodPost || r.method == http.MethodPatch || r.method == http.MethodPut {
		list = append(list, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	list = append(list, r.errors...)
	slices.Sort(list)
	return slices.Compact(list)
}
