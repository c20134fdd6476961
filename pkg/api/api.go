package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loquent/callstream/schema"
)

// The permissions of an API key, as they are stored with it.
const (
	PermissionRead       = "read"
	PermissionPlay       = "play"
	PermissionUpdate     = "update"
	PermissionOperate    = "operate"
	PermissionAdmin      = "admin" // implies every other
	PermissionSinkCreate = "TwilioCollectionPermission::Create"
	PermissionSinkDelete = "TwilioCollectionPermission::Delete"
)

// keys finds out who holds an API key; [schema.Unauthorized] when nobody does.
type keys interface {
	APIKey(ctx context.Context, key string) (schema.Principal, error)
}

// calls reads what is known of calls. An empty organization means all of them;
// the API never passes one.
type calls interface {
	CallRecord(ctx context.Context, org, callSID string) (schema.CallRecord, error)
	CallRecords(ctx context.Context, org string, filter schema.CallFilter) (page []schema.CallRecord, next string, err error)
	Timeline(ctx context.Context, org, callSID string) ([]schema.TimelineEntry, error)
}

// recordings finds a recording and opens its archived copy.
type recordings interface {
	RecordingRecord(ctx context.Context, org, recordingSID string) (schema.RecordingRecord, error)
}

// objects opens archived audio for reading at any offset.
type objects interface {
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
}

// settings reads and changes an organization's Twilio settings.
type settings interface {
	AccountByOrganization(ctx context.Context, org string) (schema.Account, error)
	SetRecordingEnabled(ctx context.Context, org string, on bool) error
}

// Config is what the API works on.
type Config struct {
	Keys       keys
	Calls      calls
	Recordings recordings
	Objects    objects
	Settings   settings
	Logger     *slog.Logger
	Clock      func() time.Time
}

// api holds the configuration for the operations, which are its methods.
type api struct{ Config }

// New returns the handler for everything under /api/.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("callstream", "1")
	config.Info.Description = "Calls, their recordings and transcripts, and why each is as it is."
	config.OpenAPIPath = "/api/openapi"
	config.DocsPath = ""    // the console has the documentation; no script is loaded from elsewhere
	config.SchemasPath = "" // schemas are inside the document
	config.CreateHooks = nil
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key, csk_..."},
	}
	a := &api{c}
	h := humago.New(mux, config)
	h.UseMiddleware(a.authenticate(h))
	a.registerCalls(h)
	a.registerRecordings(h)
	a.registerSettings(h)
	return mux
}

// operation describes one route. permission is what the caller's key must
// hold.
func operation(id, method, path, permission, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id,
		Method:      method,
		Path:        path,
		Summary:     summary,
		Description: "Needs the permission `" + permission + "`.",
		Metadata:    map[string]any{permissionKey: permission},
		Security:    []map[string][]string{{"key": {}}},
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}
}
