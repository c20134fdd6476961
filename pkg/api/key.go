package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loquent/callstream/schema"
)

// keyList reads what is kept of an organization's keys, which is not the keys.
type keyList interface {
	APIKeys(ctx context.Context, org string) ([]schema.APIKey, error)
}

// keyIssuer makes and ends keys.
type keyIssuer interface {
	CreateAPIKey(ctx context.Context, org, name string, permissions []string) (key string, err error)
	RotateAPIKey(ctx context.Context, org, keyID string, grace time.Duration) (key string, err error)
	RevokeAPIKey(ctx context.Context, org, keyID string) error
}

func (a *api) registerKeyList(h huma.API) {
	huma.Register(h, route{
		id: "list-keys", method: http.MethodGet, path: "/api/keys", permission: PermissionAdmin,
		summary: "The organization's API keys, without the keys themselves",
	}.operation(), a.listKeys)
}

func (a *api) registerKeyIssuer(h huma.API) {
	huma.Register(h, route{
		id: "create-key", method: http.MethodPost, path: "/api/keys", permission: PermissionAdmin,
		summary: "Make an API key for the organization", status: http.StatusCreated,
		about:   "The answer is the only time that anybody sees the key. Nobody can give what their own key does not hold; `admin` holds all.",
		example: map[string]any{"name": "night shift", "permissions": []string{PermissionRead, PermissionPlay}},
	}.operation(), a.createKey)
	huma.Register(h, route{
		id: "rotate-key", method: http.MethodPost, path: "/api/keys/{id}/rotate", permission: PermissionAdmin,
		summary: "Replace an API key by one with the same name and permissions", status: http.StatusCreated,
		about:   "The old key works on for `grace_hours`, so that whoever uses it can change over. The answer is the only time that anybody sees the new one.",
		errors:  []int{http.StatusConflict},
		example: map[string]any{"grace_hours": 24},
	}.operation(), a.rotateKey)
	huma.Register(h, route{
		id: "revoke-key", method: http.MethodDelete, path: "/api/keys/{id}", permission: PermissionAdmin,
		summary: "End an API key at once",
	}.operation(), a.revokeKey)
}

type keysOutput struct {
	Body struct {
		Keys []schema.APIKey `json:"keys"`
	}
}

// listKeys answers what is kept of the organization's keys.
func (a *api) listKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	list, err := a.KeyList.APIKeys(ctx, organization(ctx))
	if err != nil {
		return nil, a.problem(err)
	}
	out := &keysOutput{}
	out.Body.Keys = orEmpty(list)
	return out, nil
}

type createKeyInput struct {
	Body struct {
		Name        string   `json:"name" minLength:"1" maxLength:"200" doc:"Who or what uses it; the audit log names it"`
		Permissions []string `json:"permissions" nullable:"false" minItems:"1" maxItems:"16" enum:"read,play,update,operate,admin,TwilioCollectionPermission::Create,TwilioCollectionPermission::Delete"`
	}
}

type keyOutput struct {
	Body struct {
		Key string `json:"key" doc:"Shown this once"`
	}
}

// createKey makes a key that holds no more than the caller's does.
func (a *api) createKey(ctx context.Context, in *createKeyInput) (*keyOutput, error) {
	var permissions []string
	for _, permission := range in.Body.Permissions {
		if err := needs(ctx, permission); err != nil {
			return nil, a.problem(err)
		}
		if !slices.Contains(permissions, permission) {
			permissions = append(permissions, permission)
		}
	}
	key, err := a.KeyIssuer.CreateAPIKey(ctx, organization(ctx), in.Body.Name, permissions)
	return a.shown(key, err)
}

// shown answers a new key.
func (a *api) shown(key string, err error) (*keyOutput, error) {
	if err != nil {
		return nil, a.problem(err)
	}
	out := &keyOutput{}
	out.Body.Key = key
	return out, nil
}

type keyInput struct {
	ID string `path:"id" format:"uuid" doc:"As the list of keys has it"`
}

type rotateKeyInput struct {
	ID   string `path:"id" format:"uuid" doc:"As the list of keys has it"`
	Body struct {
		GraceHours int `json:"grace_hours" minimum:"0" maximum:"720" doc:"How long the old key works on; 0: it ends at once"`
	}
}

// rotateKey replaces a key.
func (a *api) rotateKey(ctx context.Context, in *rotateKeyInput) (*keyOutput, error) {
	grace := time.Duration(in.Body.GraceHours) * time.Hour
	key, err := a.KeyIssuer.RotateAPIKey(ctx, organization(ctx), in.ID, grace)
	return a.shown(key, err)
}

// revokeKey ends a key.
func (a *api) revokeKey(ctx context.Context, in *keyInput) (*struct{}, error) {
	if err := a.KeyIssuer.RevokeAPIKey(ctx, organization(ctx), in.ID); err != nil {
		return nil, a.problem(err)
	}
	return nil, nil
}
