package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/loquent/callstream/consumers"
)

// consumeCommand runs durables.
type consumeCommand struct {
	Names []string `arg:"" name:"name" help:"Durables to run: calls, recorder, archiver, transcriber, reaper, messages; or all."`

	consumerConfig
	listenConfig
}

// consumerConfig is what consumers work with, each with its own part of it.
type consumerConfig struct {
	databaseConfig
	natsConfig
	bucketConfig
	transcriptionConfig
	twilioConfig
	publicConfig
	secretConfig
}

// Help shows how to run it.
func (consumeCommand) Help() string {
	return `Examples:
  callstream consume all
  callstream consume archiver transcriber    # start it again elsewhere to scale

Each durable needs only its own settings: calls and messages need DATABASE_URL
and NATS_URL; recorder and reaper also Twilio; archiver also the bucket;
transcriber the bucket and OPENAI_API_KEY.`
}

// Run consumes until ctx ends.
func (c *consumeCommand) Run(ctx context.Context, proc *process) (err error) {
	names, err := consumerNames(c.Names)
	if err != nil {
		return err
	}
	if err := c.validate(names); err != nil {
		return err
	}
	if !has(names, consumers.Archiver, consumers.Transcriber) { // which move audio, in little memory
		turnOver()
	}
	p := newParts(proc)
	defer func() { err = joinClose(ctx, p, err) }()
	if err := c.open(ctx, p, names); err != nil {
		return err
	}
	if err := p.checkStream(ctx, c.StreamReplicas); err != nil {
		return err
	}
	services, err := p.consumers(names)
	if err != nil {
		return err
	}
	return p.serve(ctx, c.HTTPAddr, nil, services...)
}

// consumerNames checks the arguments and expands all.
func consumerNames(args []string) ([]string, error) {
	if slices.Contains(args, "all") {
		return consumers.Names(), nil
	}
	for _, name := range args {
		if _, err := consumers.Find(name); err != nil {
			return nil, fmt.Errorf("consume: %w", err)
		}
	}
	slices.Sort(args)
	return slices.Compact(args), nil
}

// has reports whether any of wanted is among names.
func has(names []string, wanted ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(wanted, n) })
}

// validate reports every variable that the named durables miss.
func (c *consumerConfig) validate(names []string) error {
	needed := [][3]string{c.databaseConfig.needed(), c.natsConfig.needed()}
	if has(names, consumers.Archiver, consumers.Transcriber) {
		needed = append(needed, c.bucketConfig.needed())
	}
	if has(names, consumers.Recorder, consumers.Archiver, consumers.Transcriber, consumers.Reaper) {
		needed = append(needed, c.secretConfig.needed())
	}
	if has(names, consumers.Transcriber) && c.OpenAIBaseURL == "" {
		needed = append(needed, [3]string{"OPENAI_API_KEY", c.OpenAIKey, "the transcription service's key (or OPENAI_BASE_URL for a service of your own)"})
	}
	return missing(needed...)
}

// open opens what the named durables need, and no more.
func (c *consumerConfig) open(ctx context.Context, p *parts, names []string) (err error) {
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	if err := p.openStream(ctx, c.natsConfig, "consume", nil); err != nil {
		return err
	}
	if has(names, consumers.Recorder) {
		if p.base, err = c.base(); err != nil {
			return err
		}
	}
	if has(names, consumers.Archiver, consumers.Transcriber) {
		if err := p.openBucket(ctx, c.bucketConfig, false); err != nil {
			return err
		}
	}
	if has(names, consumers.Recorder, consumers.Archiver, consumers.Reaper) {
		if err := p.openTwilio(c.twilioConfig); err != nil {
			return err
		}
	}
	if has(names, consumers.Transcriber) {
		return p.openTranscription(c.transcriptionConfig)
	}
	return nil
}
