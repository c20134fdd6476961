package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loquent/callstream/schema"
)

type (
	principalKey    struct{}
	organizationKey struct{}
	reachKey        struct{}
)

// authenticate finds the key's holder, checks the operation's permission and
// scope before anything of the request is read, and says in the context who
// acts and for which organization.
func (a *api) authenticate(h huma.API) func(huma.Context, func(huma.Context)) {
	return func(hctx huma.Context, next func(huma.Context)) {
		who, err := a.identify(hctx)
		if err != nil {
			a.refuse(h, hctx, err)
			return
		}
		ctx, err := a.admit(hctx, who)
		if err != nil {
			a.refuse(h, hctx, err)
			return
		}
		next(huma.WithContext(hctx, ctx))
	}
}

// identify returns the holder of the request's key.
func (a *api) identify(hctx huma.Context) (schema.Principal, error) {
	key, ok := bearer(hctx.Header("Authorization"))
	if !ok {
		return schema.Principal{}, schema.Errorf(schema.Unauthorized, "send an API key: Authorization: Bearer csk_...")
	}
	now := a.Clock()
	if err := a.gate.enter(key, hctx.RemoteAddr(), now); err != nil {
		return schema.Principal{}, err
	}
	who, err := a.Keys.APIKey(hctx.Context(), key)
	switch schema.CodeOf(err) {
	case "":
		a.gate.found(key, now)
	case schema.Unauthorized:
		a.gate.unknown(key, hctx.RemoteAddr(), now)
	}
	return who, err
}

// bearer returns the token of an Authorization header; the scheme's case does
// not matter (RFC 9110 §11.1).
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// admit checks what the operation needs of who, and returns the context in
// which it runs.
func (a *api) admit(hctx huma.Context, who schema.Principal) (context.Context, error) {
	op := hctx.Operation()
	permission, _ := op.Extensions[permissionKey].(string)
	of, _ := op.Extensions[scopeKey].(string)
	if of != ofAnyone.String() && !permitted(who, permission) {
		return nil, lacks(who, permission)
	}
	ctx := schema.WithActor(hctx.Context(), schema.Actor("key:"+who.Name))
	ctx = context.WithValue(ctx, principalKey{}, who)
	named := strings.TrimSpace(hctx.Header(organizationHeader))
	switch {
	case who.OrganizationID != "" && named != "" && !strings.EqualFold(named, who.OrganizationID):
		return nil, schema.Errorf(schema.Forbidden, "the key %q belongs to another organization; leave out the header %s", who.Name, organizationHeader)
	case of == ofOperators.String() && who.OrganizationID != "":
		return nil, schema.Errorf(schema.Forbidden, "this is for operators, whose keys belong to no organization; make one with callstream keys create")
	case of == ofOrganization.String():
		org, err := a.organizationOf(ctx, who, named)
		if err != nil {
			return nil, err
		}
		ctx = context.WithValue(ctx, organizationKey{}, org)
	case of == ofHolder.String():
		org := ""
		if who.OrganizationID != "" || named != "" {
			var err error
			if org, err = a.organizationOf(ctx, who, named); err != nil {
				return nil, err
			}
		}
		ctx = context.WithValue(ctx, reachKey{}, org)
	}
	if err := hasBody(hctx, op); err != nil {
		return nil, err
	}
	return ctx, nil
}

// organizationOf returns the id of the organization that the request is about:
// the key's own, the one that an operator named or, if they named none, the only
// one that there is.
func (a *api) organizationOf(ctx context.Context, who schema.Principal, named string) (string, error) {
	if who.OrganizationID != "" {
		return who.OrganizationID, nil
	}
	if named == "" {
		if only, err := a.onlyOrganization(ctx); only != "" || err != nil {
			return only, err
		}
	}
	if a.Organizations == nil || named == "" {
		return "", schema.Errorf(schema.Forbidden,
			"the key %q belongs to no organization; name the one that you mean in the header %s: ID (GET /api/organizations lists them)", who.Name, organizationHeader)
	}
	// The database's spelling of the id is the one that rows carry.
	found, err := a.Organizations.Organization(ctx, named)
	if code := schema.CodeOf(err); code == schema.NotFound || code == schema.Invalid {
		return "", schema.Errorf(schema.NotFound, "the header %s names %q, and there is no such organization; GET /api/organizations lists them", organizationHeader, named)
	}
	return found.ID, err
}

// onlyOrganization returns the id of the organization that there is, if there is
// one and no other.
func (a *api) onlyOrganization(ctx context.Context) (string, error) {
	if a.Tenants == nil {
		return "", nil
	}
	all, err := a.Tenants.Organizations(ctx)
	if err != nil || len(all) != 1 {
		return "", err
	}
	return all[0].ID, nil
}

// hasBody returns [schema.Invalid] for a request that lacks the body its
// operation needs.
func hasBody(hctx huma.Context, op *huma.Operation) error {
	if r, _ := humago.Unwrap(hctx); op.RequestBody != nil && op.RequestBody.Required && r.ContentLength == 0 {
		return schema.Errorf(schema.Invalid, "send a JSON body as /api/openapi.json describes it for %s", op.OperationID)
	}
	return nil
}

// permitted reports whether who may do what permission names; nobody may do
// what names none.
func permitted(who schema.Principal, permission string) bool {
	return permission != "" &&
		(slices.Contains(who.Permissions, permission) || slices.Contains(who.Permissions, PermissionAdmin))
}

// lacks says that who does not hold permission.
func lacks(who schema.Principal, permission string) error {
	return schema.Errorf(schema.Forbidden,
		"this needs the permission %q, which the key %q does not hold; ask an administrator for a key that does", permission, who.Name)
}

// caller returns the holder of the request's key.
func caller(ctx context.Context) schema.Principal {
	return ctx.Value(principalKey{}).(schema.Principal)
}

// organization returns the organization that the request is about. It panics
// in an operation that has no such scope, because answering without one would
// show every organization's rows.
func organization(ctx context.Context) string { return ctx.Value(organizationKey{}).(string) }

// reach returns the organization beyond which the caller sees nothing; empty
// for operators, who see all. It panics in an operation that is not [ofHolder].
func reach(ctx context.Context) string { return ctx.Value(reachKey{}).(string) }

// within narrows the caller's reach to the organization that a request asks
// for; empty asks for none. [schema.Forbidden] when that is beyond it.
func within(ctx context.Context, asked string) (string, error) {
	reached := reach(ctx)
	switch {
	case reached == "":
		return strings.ToLower(asked), nil // as the rows spell it
	case asked == "" || strings.EqualFold(asked, reached):
		return reached, nil
	}
	return "", schema.Errorf(schema.Forbidden, "the request is about organization %s and may name no other; leave it out", reached)
}

// needs returns [schema.Forbidden] unless the caller holds permission, for
// what only some requests of an operation need.
func needs(ctx context.Context, permission string) error {
	if who := caller(ctx); !permitted(who, permission) {
		return lacks(who, permission)
	}
	return nil
}

// guarded sets the headers that every answer carries, and answers as a problem
// where there is no operation.
func guarded(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store") // answers, audio too, are one organization's
		if handler, pattern := mux.Handler(r); pattern == "" {
			noOperation(w, r, handler)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
