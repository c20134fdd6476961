package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// doctorCommand checks every dependency and every Twilio account.
type doctorCommand struct {
	Org  string `name:"org" env:"CALLSTREAM_ORG" placeholder:"ID" help:"Check this organization only, by id or name; all of them where it is left out."`
	JSON bool   `name:"json" help:"Print JSON, one finding a line."`

	adminConfig
	natsConfig
	bucketConfig
	transcriptionConfig
	twilioConfig
	publicConfig
}

// Help shows how to run it.
func (doctorCommand) Help() string {
	return `Examples:
  callstream doctor                 # beside callstream up
  DATABASE_URL=... NATS_URL=... S3_BUCKET=... APP_HOST=... callstream doctor
  callstream doctor --org "Example Ltd" --json

Each line is ok, warning or failed, with what to do. It writes one small object
to the bucket and removes it, sends a second of silence to be transcribed, and
asks Twilio; it changes nothing. The exit status is 1 if a check failed.`
}

// Run checks and reports.
func (c *doctorCommand) Run(ctx context.Context, proc *process) error {
	variables := c.variables()
	for name, variable := range map[string]*string{
		"NATS_URL": &c.NATSURL, "S3_ENDPOINT": &c.S3Endpoint, "S3_BUCKET": &c.S3Bucket, "S3_REGION": &c.S3Region,
		"AWS_ACCESS_KEY_ID": &c.S3AccessKey, "AWS_SECRET_ACCESS_KEY": &c.S3SecretKey,
		"OPENAI_API_KEY": &c.OpenAIKey, "OPENAI_BASE_URL": &c.OpenAIBaseURL,
		"TWILIO_API_URL": &c.TwilioAPIURL, "TWILIO_EVENTS_URL": &c.TwilioEventsURL, "TWILIO_INSIGHTS_URL": &c.TwilioInsightsURL,
		"PUBLIC_BASE_URL": &c.PublicBaseURL,
	} {
		variables[name] = variable
	}
	if err := c.fill("DATABASE_URL", variables); err != nil {
		return err
	}
	return c.administer(ctx, proc, func(p *parts) error {
		failed := 0
		tell := func(f schema.Finding) {
			if f.Severity == schema.SeverityFailed {
				failed++
			}
			c.print(proc.stdout, f)
		}
		c.open(ctx, p, tell)
		if err := c.examine(ctx, proc.stdout, p, tell); err != nil {
			return err
		}
		if failed > 0 {
			return fmt.Errorf("%d checks failed", failed)
		}
		return nil
	})
}

// open opens what is configured. What cannot be opened is a finding, not the
// end: the others are to be looked at all the same.
func (c *doctorCommand) open(ctx context.Context, p *parts, tell func(schema.Finding)) {
	try := func(check, advice string, configured bool, open func() error) {
		if !configured {
			return
		}
		if err := open(); err != nil {
			tell(schema.Finding{Check: check, Severity: schema.SeverityFailed, Detail: err.Error(), Advice: advice})
		}
	}
	try("nats.connection", "Check NATS_URL, the credentials in it, and that the server runs.", c.NATSURL != "",
		func() error { return p.openStream(ctx, c.natsConfig, "doctor", nil) })
	try("bucket.connection", "Check S3_ENDPOINT, S3_BUCKET, S3_REGION and the access key.", c.S3Bucket != "",
		func() error { return p.openBucket(ctx, c.bucketConfig, false) })
	try("transcription.settings", "Check OPENAI_API_KEY and OPENAI_BASE_URL.", c.OpenAIKey != "" || c.OpenAIBaseURL != "",
		func() error { return p.openTranscription(c.transcriptionConfig) })
	try("twilio.settings", "Check TWILIO_API_URL and TWILIO_EVENTS_URL.", true, func() error { return p.openTwilio(c.twilioConfig) })
	try("public.address", "Set APP_HOST to the host name under which Twilio reaches callstream.", true,
		func() (err error) { p.base, err = c.base(); return err })
}

// examine checks the installation, then the organizations, one or all.
func (c *doctorCommand) examine(ctx context.Context, w io.Writer, p *parts, tell func(schema.Finding)) error {
	d := p.doctor(c.StreamReplicas, c.SecretKey, c.S3SecretKey, c.OpenAIKey)
	if c.Org != "" {
		org, err := p.organization(ctx, c.Org)
		if err != nil {
			return err
		}
		d.Organization(ctx, org.ID, tell)
		return nil
	}
	d.System(ctx, tell)
	all, err := p.db.Organizations(ctx)
	if err != nil {
		return fmt.Errorf("list organizations: %w", err)
	}
	for _, org := range all {
		if !c.JSON {
			_, _ = fmt.Fprintf(w, "\n%s (%s)\n", org.Name, org.ID)
		}
		d.Organization(ctx, org.ID, tell)
	}
	return nil
}

func (c *doctorCommand) print(w io.Writer, f schema.Finding) {
	if c.JSON {
		_ = printJSONLine(w, f) // nobody is left to tell
		return
	}
	printFinding(w, f)
}

// printFinding prints a finding for people, its advice below it.
func printFinding(w io.Writer, f schema.Finding) {
	_, _ = fmt.Fprintf(w, "%-8s %s: %s\n", f.Severity, f.Check, f.Detail)
	if f.Advice != "" {
		_, _ = fmt.Fprintf(w, "         → %s\n", f.Advice)
	}
}

// doctor returns a doctor of what is open; the rest is told as not configured.
func (p *parts) doctor(replicas int, conceal ...string) *doctor.Doctor {
	c := doctor.Config{
		Database: migrated{p.db}, Directory: p.db, Settings: p.db, BaseURL: p.base, Conceal: conceal,
	}
	if p.conn != nil {
		c.Streams = func(ctx context.Context) (doctor.Streams, error) { return p.streams(ctx, replicas) }
	}
	if p.objects != nil {
		c.Bucket = p.objects
	}
	if p.whisper != nil {
		c.Transcription = p.whisper
	}
	if p.twilio != nil {
		c.Accounts, c.Media, c.Sinks = p.twilio, p.twilio, p.sinks()
	}
	return doctor.New(c)
}

// streams is the broker's state, as the doctor looks at it.
func (p *parts) streams(ctx context.Context, replicas int) (doctor.Streams, error) {
	drift, err := p.conn.Check(ctx, stream.DefaultSettings(replicas), consumers.Table())
	if err != nil {
		return doctor.Streams{}, err
	}
	info, err := p.conn.Info(ctx)
	if schema.CodeOf(err) == schema.Unavailable && len(drift) > 0 {
		err = nil // a stream that is missing cannot be inspected, and drift says so
	}
	free, freeErr := p.conn.Free(ctx)
	s := doctor.Streams{Free: free}
	for _, d := range drift {
		s.Drift = append(s.Drift, d.String())
	}
	for _, state := range info.Streams {
		s.States = append(s.States, doctor.StreamState{
			Name: state.Name, Replicas: state.Replicas, Current: state.Current,
			Bytes: int64(state.Bytes), MaxBytes: state.MaxBytes, //nolint:gosec // bytes on a disk
		})
	}
	return s, errors.Join(err, freeErr)
}

// migrated is the database as the doctor asks it.
type migrated struct{ *postgres.DB }

// MissingMigrations names the migrations that are not applied yet.
func (m migrated) MissingMigrations(ctx context.Context) (names []string, err error) {
	all, err := m.MigrationStatus(ctx)
	for _, migration := range all {
		if migration.Applied.IsZero() {
			names = append(names, migration.Name)
		}
	}
	return names, err
}
