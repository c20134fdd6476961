package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// permissionKey is where an operation's metadata names its permission.
const permissionKey = "permission"

type principalKey struct{}

// authenticate finds the key's holder and checks the operation's permission
// before anything of the request is read.
func (a *api) authenticate(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		key, ok := bearer(ctx.Header("Authorization"))
		if !ok {
			ctx.SetHeader("WWW-Authenticate", "Bearer")
			a.refuse(h, ctx, schema.Errorf(schema.Unauthorized, "send an API key: Authorization: Bearer csk_..."))
			return
		}
		who, err := a.Keys.APIKey(ctx.Context(), key)
		if err != nil {
			a.refuse(h, ctx, err)
			return
		}
		permission, _ := ctx.Operation().Metadata[permissionKey].(string)
		if !permitted(who, permission) {
			a.refuse(h, ctx, schema.Errorf(schema.Forbidden,
				"this needs the permission %q, which the key %q does not hold; ask an administrator for a key that does", permission, who.Name))
			return
		}
		next(huma.WithValue(ctx, principalKey{}, who))
	}
}

// refuse answers err as problem+json.
func (a *api) refuse(h huma.API, ctx huma.Context, err error) {
	p := a.problem(err)
	if werr := huma.WriteErr(h, ctx, p.GetStatus(), p.Error()); werr != nil {
		a.Logger.DebugContext(ctx.Context(), "write problem", "error", werr)
	}
}

// bearer returns the token of an Authorization header; the scheme's case does
// not matter (RFC 9110 §11.1).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// permitted reports whether who may do what permission names; nobody may do
// what names none.
func permitted(who schema.Principal, permission string) bool {
	return permission != "" &&
		(slices.Contains(who.Permissions, permission) || slices.Contains(who.Permissions, PermissionAdmin))
}

// organization returns the caller's organization. It panics outside a request
// that passed authenticate, because answering without one would show every
// organization's rows.
func organization(ctx context.Context) string {
	who := ctx.Value(principalKey{}).(schema.Principal)
	if who.OrganizationID == "" {
		panic("api: principal without organization")
	}
	return who.OrganizationID
}

// status maps a code to what HTTP calls it.
var status = map[schema.Code]int{
	schema.Invalid:      http.StatusUnprocessableEntity,
	schema.Unauthorized: http.StatusUnauthorized,
	schema.Forbidden:    http.StatusForbidden,
	schema.NotFound:     http.StatusNotFound,
	schema.Conflict:     http.StatusConflict,
	schema.Refused:      http.StatusUnprocessableEntity,
	schema.RateLimited:  http.StatusTooManyRequests,
	schema.Unavailable:  http.StatusServiceUnavailable,
	schema.Corrupt:      http.StatusInternalServerError,
}

// problem turns an error into its HTTP form. The text of an internal error
// stays in the log: it may name what the caller must not know.
func (a *api) problem(err error) huma.StatusError {
	code, known := status[schema.CodeOf(err)]
	switch {
	case !known:
		a.Logger.Error("api", "error", err)
		return huma.Error500InternalServerError("something went wrong here; the server's log has the cause")
	case code == http.StatusServiceUnavailable:
		a.Logger.Warn("api", "error", err)
		return huma.Error503ServiceUnavailable("the database does not answer; try again in a moment")
	}
	return huma.NewError(code, err.Error())
}
