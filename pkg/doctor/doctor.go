package doctor

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// Config is what a Doctor looks at. Whatever is nil or empty is told as not
// configured, in a warning of its own.
type Config struct {
	Database      Database
	Directory     Directory // of the tokens that CALLSTREAM_SECRET_KEY has to open
	Streams       func(ctx context.Context) (Streams, error)
	Bucket        Bucket
	Transcription Transcriber
	BaseURL       string            // where Twilio reaches callstream, as https://calls.example.com
	Transport     http.RoundTripper // to BaseURL; default: a fresh connection each time

	// The organizations, and their accounts at Twilio.
	Settings Settings
	Accounts Accounts
	Media    Media
	Sinks    Sinks

	Timeout           time.Duration // of a check; default 5 s
	TranscriptionTime time.Duration // of that of transcription; default 30 s
	Conceal           []string      // secrets that no finding may hold, whatever an error says
}

// Doctor checks an installation and the Twilio accounts of its organizations.
// It may be used by any number of goroutines.
type Doctor struct {
	config Config
}

// New returns a Doctor of config.
func New(config Config) *Doctor {
	if config.Timeout <= 0 {
		config.Timeout = 5 * time.Second
	}
	if config.TranscriptionTime <= 0 {
		config.TranscriptionTime = 30 * time.Second
	}
	return &Doctor{config: config}
}

// System checks the parts that all organizations share, and yields each finding
// as soon as it and those before it are known, on the caller's goroutine. It
// returns when all are told, or soon after ctx has ended.
func (d *Doctor) System(ctx context.Context, yield func(schema.Finding)) {
	c := d.config
	examine(ctx, []check{
		{databaseConnection, "The database", c.Timeout, func(ctx context.Context) []schema.Finding { return checkDatabase(ctx, c.Database) }},
		{secretTokens, "The database", c.Timeout, one(func(ctx context.Context) schema.Finding { return checkSecrets(ctx, c.Directory) })},
		{streamsDeclared, "NATS", c.Timeout, func(ctx context.Context) []schema.Finding { return checkStreams(ctx, c.Streams) }},
		{bucketWrite, "The bucket", c.Timeout, func(ctx context.Context) []schema.Finding { return checkBucket(ctx, c.Bucket) }},
		{publicIngress, "The public address", c.Timeout, one(func(ctx context.Context) schema.Finding { return checkPublic(ctx, c.BaseURL, c.Transport) })},
		{transcriptionSample, "The transcription service", c.TranscriptionTime, one(func(ctx context.Context) schema.Finding { return checkTranscription(ctx, c.Transcription) })},
	}, concealing(yield, c.Conceal))
}

// concealing takes the secrets out of what it passes on.
func concealing(yield func(schema.Finding), secrets []string) func(schema.Finding) {
	pairs := make([]string, 0, 2*len(secrets))
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "[secret]")
		}
	}
	hide := strings.NewReplacer(pairs...)
	return func(f schema.Finding) {
		f.Detail, f.Advice = hide.Replace(f.Detail), hide.Replace(f.Advice)
		yield(f)
	}
}
