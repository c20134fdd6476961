package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// replayCommand runs history through a consumer again.
type replayCommand struct {
	Consumer    string   `name:"consumer" placeholder:"NAME" help:"Whose work to do again: calls, recorder, archiver, transcriber, reaper, messages."`
	Since       moment   `name:"since" placeholder:"WHEN" group:"Which events:" help:"Stored since then: 24h ago as 24h, or a time as 2026-01-02T15:04:05Z."`
	Until       moment   `name:"until" placeholder:"WHEN" group:"Which events:" help:"Stored before then."`
	FromSeq     uint64   `name:"from-seq" placeholder:"N" group:"Which events:" help:"From this sequence of CALLS on."`
	ToSeq       uint64   `name:"to-seq" placeholder:"N" group:"Which events:" help:"Up to this sequence."`
	Subject     string   `name:"subject" placeholder:"SUBJECT" group:"Which events:" help:"Of this subject, within the consumer's own; wildcards are allowed."`
	Org         string   `name:"org" placeholder:"ID" group:"Which events:" help:"Of this organization, by id or name."`
	Call        string   `name:"call" placeholder:"SID" group:"Which events:" help:"Of this call."`
	Recording   string   `name:"recording" placeholder:"SID" group:"Which events:" help:"Of this recording."`
	DryRun      bool     `name:"dry-run" help:"Change nothing; say what would change."`
	Force       bool     `name:"force" help:"Do again also what is done: transcribe anew, archive anew."`
	Rate        float64  `name:"rate" placeholder:"N" help:"Events a second at most; as fast as it goes without it."`
	SideEffects []string `name:"allow-side-effects" placeholder:"NAME" enum:"recorder,reaper,events" help:"What a replay does not do unless told by name: recorder starts recordings, reaper deletes at Twilio, events lets live consumers act on what comes of it."`
	FromBucket  string   `name:"from-bucket" placeholder:"NAME" help:"With archiver and --force: the bucket that the copies lie in now, to be copied to S3_BUCKET."`
	Resume      string   `name:"resume" placeholder:"ID" help:"Go on with a replay that was interrupted."`

	consumerConfig
	localConfig
}

// Help shows how to run it.
func (replayCommand) Help() string {
	return `Examples:
  callstream replay --consumer calls --call CA... --dry-run
  callstream replay --consumer transcriber --since 168h --force     # last week, with another WHISPER_MODEL
  callstream replay --consumer calls                                # all call rows, into an empty database
  S3_BUCKET=new callstream replay --consumer archiver --force --from-bucket old

Live consumers go on untouched: a replay reads by itself, and what comes of it
is not told to them. It starts no recording and deletes nothing at Twilio.
Interrupted, it is resumed where it stopped. The exit status is 1 if an event
failed.`
}

// Run replays, in the foreground.
func (c *replayCommand) Run(ctx context.Context, proc *process) (err error) {
	if err := c.fill("DATABASE_URL", c.variables()); err != nil {
		return err
	}
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	r := &replaying{parts: p, proc: proc, config: c}
	if err := r.find(ctx); err != nil {
		return err
	}
	if _, err := consumers.Find(r.replay.Spec.Consumer); err != nil {
		return fmt.Errorf("--consumer: %w", err)
	}
	names := []string{r.replay.Spec.Consumer}
	if err := c.validate(names); err != nil {
		return err
	}
	if has(names, consumers.Calls, consumers.Messages) {
		turnOver()
	}
	if err := c.open(ctx, p, names); err != nil {
		return err
	}
	if c.FromBucket != "" {
		if err := c.openEarlier(ctx, p); err != nil {
			return err
		}
	}
	return r.run(ctx)
}

// openEarlier opens the bucket to copy from.
func (c *replayCommand) openEarlier(ctx context.Context, p *parts) error {
	if p.objects == nil {
		return errors.New("--from-bucket is for --consumer archiver")
	}
	return p.openEarlierBucket(ctx, c.bucketConfig, c.FromBucket)
}

// variables are those that a callstream on this machine fills in.
func (c *replayCommand) variables() map[string]*string {
	return map[string]*string{
		"DATABASE_URL": &c.DatabaseURL, "CALLSTREAM_SECRET_KEY": &c.SecretKey, "NATS_URL": &c.NATSURL,
		"S3_ENDPOINT": &c.S3Endpoint, "S3_BUCKET": &c.S3Bucket, "S3_REGION": &c.S3Region,
		"AWS_ACCESS_KEY_ID": &c.S3AccessKey, "AWS_SECRET_ACCESS_KEY": &c.S3SecretKey,
		"OPENAI_API_KEY": &c.OpenAIKey, "OPENAI_BASE_URL": &c.OpenAIBaseURL,
		"TWILIO_API_URL": &c.TwilioAPIURL, "TWILIO_EVENTS_URL": &c.TwilioEventsURL, "PUBLIC_BASE_URL": &c.PublicBaseURL,
	}
}

// spec is what the flags ask for.
func (c *replayCommand) spec(ctx context.Context, p *parts, now time.Time) (schema.ReplaySpec, error) {
	if c.Consumer == "" {
		return schema.ReplaySpec{}, errors.New("name the consumer whose work is to be done again, for instance --consumer transcriber; or --resume a replay")
	}
	spec := schema.ReplaySpec{
		Consumer: c.Consumer, Since: c.Since.at(now), Until: c.Until.at(now), FromSeq: c.FromSeq, ToSeq: c.ToSeq,
		Subject: c.Subject, CallSID: c.Call, RecordingSID: c.Recording, DryRun: c.DryRun, Force: c.Force,
		Rate: c.Rate, AllowSideEffects: c.SideEffects,
	}
	if c.Org != "" {
		org, err := p.organization(ctx, c.Org)
		if err != nil {
			return spec, err
		}
		spec.Organization = org.ID
	}
	return spec, spec.Check()
}
