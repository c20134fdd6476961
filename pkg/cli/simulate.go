package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/pkg/simulator"
)

// simulateCommand serves the double on its own, for a callstream that runs
// elsewhere.
type simulateCommand struct {
	Target     string   `name:"target" placeholder:"URL" help:"callstream's public base URL; its host is what signatures name."`
	Dial       string   `name:"dial" placeholder:"HOST:PORT" help:"Where to connect to instead of the target's own host."`
	AccountSID string   `name:"twilio-account-sid" env:"TWILIO_ACCOUNT_SID" default:"${account}" help:"Account to play."`
	AuthToken  string   `name:"twilio-auth-token" env:"TWILIO_AUTH_TOKEN" default:"${token}" help:"Token that signs."`
	Org        string   `name:"org" placeholder:"ID" help:"callstream's organization that has the account."`
	Numbers    []string `name:"numbers" default:"${numbers}" placeholder:"+1555..." help:"The organization's numbers."`
	Recording  bool     `name:"recording" default:"true" negatable:"" help:"Whether the organization has recording switched on."`
	Dir        string   `name:"data" placeholder:"DIR" help:"Folder in which the double remembers; without it nothing outlives the process."`
	Calls      int      `name:"calls" placeholder:"N" help:"Stop placing calls after N; serve on until Ctrl-C."`
	Rate       float64  `name:"rate" default:"1" help:"Calls a second."`
	Speed      float64  `name:"speed" default:"1" help:"How many times faster than in life calls pass."`
	Faults     string   `name:"faults" default:"none" help:"none, all, or some of: ${faults}."`
	Seed       uint64   `name:"seed" default:"1" help:"The same seed gives the same calls and faults."`
	Addr       string   `name:"addr" default:"127.0.0.1:8081" help:"Address to listen on."`

	crashing `embed:""`
}

// Help shows how to run it.
func (simulateCommand) Help() string {
	return `Examples:
  callstream simulate --target https://calls.example.com --dial 127.0.0.1:8080 --org ORG
  TWILIO_API_URL=http://127.0.0.1:8081 TWILIO_EVENTS_URL=http://127.0.0.1:8081 \
  OPENAI_BASE_URL=http://127.0.0.1:8081/v1 OPENAI_API_KEY=any callstream consume all
  callstream simulate --crash-matrix --runs 1000

The double keeps to Twilio's rules: it signs, retries, forgets and refuses as
Twilio does, and answers POST /v1/audio/transcriptions as OpenAI does. It needs
--target and --org, or --crash-matrix, which starts servers and roles of its own
in a temporary folder.`
}

// validate reports what is missing and what contradicts.
func (c *simulateCommand) validate() error {
	if err := c.crashing.validate(); err != nil || c.CrashMatrix {
		return err
	}
	return missing(
		[3]string{"--target", c.Target, "callstream's public base URL"},
		[3]string{"--org", c.Org, "callstream's organization that has the account"},
	)
}

// Run serves until ctx ends, or kills as often as it was told to.
func (c *simulateCommand) Run(ctx context.Context, proc *process) error {
	if err := c.validate(); err != nil {
		return err
	}
	if c.CrashMatrix {
		return c.crashing.run(ctx, proc, c.Seed, c.Dir)
	}
	faults, err := simulator.ParseFaults(c.Faults)
	if err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	listener, err := listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	sim, err := simulator.New(simulator.Config{
		Dir:              c.Dir,
		Seed:             c.Seed,
		Speed:            c.Speed,
		Calls:            c.Calls,
		Rate:             c.Rate,
		Faults:           faults,
		AccountSID:       c.AccountSID,
		AuthToken:        c.AuthToken,
		OrganizationID:   c.Org,
		Numbers:          c.Numbers,
		Logger:           proc.log,
		Target:           c.Target,
		Dial:             c.Dial,
		TranscriptsKnown: true,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("simulator: %w", err), listener.Close())
	}
	sim.FlagChanged(c.Recording, time.Now())
	proc.log.Info("ready", "addr", listener.Addr().String(), "target", c.Target)
	return runServices(ctx, proc.log,
		server{name: "twilio double", listener: listener, handler: sim.Handler(), log: proc.log}.service(),
		service{"calls", func(ctx context.Context) error {
			if err := sim.Run(ctx); err != nil {
				return fmt.Errorf("place calls: %w", err)
			}
			<-ctx.Done()
			return nil
		}},
	)
}
