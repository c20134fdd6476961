package doctor

import (
	"context"
	"io"

	"github.com/loquent/callstream/schema"
)

// Database is where everything is kept.
type Database interface {
	Ping(ctx context.Context) error
	// MissingMigrations names the migrations that are not applied yet.
	MissingMigrations(ctx context.Context) ([]string, error)
}

// Directory names the organizations and opens their accounts' tokens.
type Directory interface {
	Organizations(ctx context.Context) ([]schema.Organization, error)
	AccountByOrganization(ctx context.Context, orgID string) (schema.Account, error)
}

// Bucket holds the recordings. What Open returns answers any offset.
type Bucket interface {
	Put(ctx context.Context, key string, body io.Reader, size int64, contentType string) (schema.Object, error)
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	Remove(ctx context.Context, key string) error
}

// Transcriber turns audio into text.
type Transcriber interface {
	Transcribe(ctx context.Context, audio io.Reader, size int64) (schema.Transcript, error)
}

// Settings are what is stored of an organization. A missing one is
// [schema.NotFound].
type Settings interface {
	Settings(ctx context.Context, orgID string) (schema.Settings, error)
	AccountByOrganization(ctx context.Context, orgID string) (schema.Account, error)
	PhoneNumbers(ctx context.Context, orgID string) ([]schema.PhoneNumber, error)
}

// Sinks compares the event sinks that are stored with those at Twilio.
type Sinks interface {
	Check(ctx context.Context, orgID string) ([]schema.Finding, error)
}

// Streams is the broker's state.
type Streams struct {
	Drift  []string // what is not as declared, each a sentence as "stream CALLS: max age is 1h0m0s, want 720h0m0s"
	States []StreamState
	Free   int64 // bytes that the broker can still store, for all streams together; negative: it does not tell
}

// StreamState is one stream's.
type StreamState struct {
	Name     string
	Replicas int   // copies that are kept of each message
	Current  int   // of them, up to date now; the leader's is one
	Bytes    int64 // stored
	MaxBytes int64 // beyond which the oldest messages go; zero or less: no bound
}

// Accounts looks at an account at Twilio.
type Accounts interface {
	FetchAccount(ctx context.Context, a schema.Account) (schema.TwilioAccount, error)
	ListNumbers(ctx context.Context, a schema.Account) ([]schema.TwilioNumber, error)
	InsightsAdvanced(ctx context.Context, a schema.Account) (bool, error)
}

// Media looks at an account's recordings at Twilio.
type Media interface {
	// LatestRecording returns nil when there is none.
	LatestRecording(ctx context.Context, a schema.Account) (*schema.LatestMedia, error)
	// MediaPublic reports whether the audio can be had without credentials.
	MediaPublic(ctx context.Context, a schema.Account, recordingSID string) (bool, error)
}
