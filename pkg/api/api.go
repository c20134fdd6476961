package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loquent/callstream/pkg/pipeline"
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

// Permissions lists them.
var Permissions = []string{
	PermissionRead, PermissionPlay, PermissionUpdate, PermissionOperate, PermissionAdmin, PermissionSinkCreate, PermissionSinkDelete,
}

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

// Config is what the API works on. Only Keys and Logger must be there: a route
// whose part is missing is not registered, so that a program that embeds the
// API offers what it has.
type Config struct {
	Keys          keys          // who calls
	Organizations organizations // needed besides for operators' keys to name an organization
	Tenants       tenants       // all organizations, for operators
	Calls         calls
	Recordings    recordings // the audio needs Recordings, Objects and Audit
	Objects       objects
	Messages      messages
	Settings      settings
	Credentials   credentials // asked before an account or its tokens change; nil: nobody is
	Sinks         sinks
	Numbers       numbers
	VoicePlans    voicePlans
	Connector     connector
	KeyList       keyList
	KeyIssuer     keyIssuer
	Audit         audit
	Health        health
	Pipeline      pipeline.Streams // the pipeline's state needs Pipeline and Books
	Books         pipeline.Books
	Letters       letters
	Replays       replays
	Consumers     []string // whose work may be replayed
	Estimates     estimates
	History       history // of the pipeline's state

	Limits Limits // the zero value: what [Limits] says
	Logger *slog.Logger
	Clock  func() time.Time // nil: time.Now
}

// api holds the configuration for the operations, which are its methods.
type api struct {
	Config
	gate    *gate
	plays   *plays
	readers chan struct{} // of whole recordings, see readersAtOnce
}

// New returns the handler for everything under /api/.
func New(c Config) http.Handler {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	a := &api{Config: c, gate: newGate(c.Limits), plays: newPlays(), readers: make(chan struct{}, readersAtOnce)}
	mux := http.NewServeMux()
	h := humago.New(mux, a.document())
	h.UseMiddleware(a.authenticate(h))
	a.register(h)
	return guarded(mux)
}

// document describes the API but for its operations, which add themselves.
func (a *api) document() huma.Config {
	config := huma.DefaultConfig("callstream", "1")
	config.Info.Description = "Calls, their recordings and transcripts, why each is as it is, everything that an organization's administrator sets, and what operators watch and mend."
	config.OpenAPIPath = "/api/openapi"
	config.DocsPath = ""    // the console has the documentation; no script is loaded from elsewhere
	config.SchemasPath = "" // schemas are inside the document
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true // a misspelt filter would answer with what it was to leave out
	config.Transformers = []huma.Transformer{explain}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key, csk_..."},
	}
	return config
}

// register adds the operations that there are parts for.
func (a *api) register(h huma.API) {
	for _, noun := range []struct {
		present bool
		add     func(huma.API)
	}{
		{true, a.registerMe},
		{a.Organizations != nil, a.registerOrganization},
		{a.Tenants != nil, a.registerTenants},
		{a.Calls != nil, a.registerCalls},
		{a.Recordings != nil && a.Objects != nil && a.Audit != nil, a.registerRecordings},
		{a.Messages != nil, a.registerMessages},
		{a.Settings != nil, a.registerSettings},
		{a.Sinks != nil, a.registerSinks},
		{a.Health != nil, a.registerHealth},
		{a.Numbers != nil, a.registerNumbers},
		{a.VoicePlans != nil, a.registerVoicePlans},
		{a.Connector != nil, a.registerConnector},
		{a.KeyList != nil, a.registerKeyList},
		{a.KeyIssuer != nil, a.registerKeyIssuer},
		{a.Audit != nil, a.registerAudit},
		{a.Pipeline != nil && a.Books != nil, a.registerPipeline},
		{a.Letters != nil, a.registerLetters},
		{a.Replays != nil, a.registerReplays},
		{a.Estimates != nil, a.registerEstimates},
		{a.History != nil, a.registerHistory},
	} {
		if noun.present {
			noun.add(h)
		}
	}
}
