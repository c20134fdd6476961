package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/schema"
)

// upCommand runs every role in one process.
type upCommand struct {
	Data string `name:"data" env:"CALLSTREAM_DATA" default:"${data}" placeholder:"DIR" help:"Folder for everything that is kept."`

	Roles bool `name:"roles" default:"true" negatable:"" help:"Run every role; --no-roles starts the embedded parts alone, for roles that run as processes of their own."`

	simulation `embed:""`

	TwilioAccountSID string   `name:"twilio-account-sid" env:"TWILIO_ACCOUNT_SID" placeholder:"AC..." group:"Your Twilio account:" help:"Account of the first organization."`
	TwilioAuthToken  string   `name:"twilio-auth-token" env:"TWILIO_AUTH_TOKEN" placeholder:"TOKEN" group:"Your Twilio account:" help:"Its primary auth token (an API key cannot check signatures)."`
	PhoneNumbers     []string `name:"phone-numbers" env:"TWILIO_PHONE_NUMBERS" placeholder:"+1555..." group:"Your Twilio account:" help:"The organization's numbers; calls of other numbers are never recorded by callstream."`

	databaseConfig
	natsConfig
	bucketConfig
	transcriptionConfig
	twilioConfig
	publicConfig
	listenConfig
	secretConfig
}

// Help shows how to run it.
func (upCommand) Help() string {
	return `Examples:
  callstream up --simulate
      Watch simulated calls arrive, with nothing but this command.
  callstream up --data /tmp/cs --simulate --calls 2000 --faults all --verify
      Run 2000 calls with every fault and compare the outcome with the truth.
  TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=... TWILIO_PHONE_NUMBERS=+15550001111 \
  APP_HOST=calls.example.com OPENAI_API_KEY=... callstream up
      One company, for real.

NATS, Postgres and S3 run inside, under DIR, unless NATS_URL, DATABASE_URL and
S3_ENDPOINT (or S3_BUCKET) name real ones. The operator's API key is in
DIR/operator.key.`
}

// Run starts everything, in the order in which the parts lean on each other,
// and runs until ctx ends or the simulation is done.
func (c *upCommand) Run(ctx context.Context, proc *process) (err error) {
	started := time.Now()
	if err := c.validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("create data folder: %w", err)
	}
	lock, err := embedded.Lock(c.Data)
	if err != nil {
		return fmt.Errorf("lock data folder: %w", err)
	}
	p := newParts(proc)
	p.onClose(func(context.Context) error { return lock.Unlock() })
	defer func() { err = joinClose(ctx, p, err) }()

	if !c.Roles {
		return c.parts(ctx, proc, p)
	}
	listener, err := listen(ctx, c.HTTPAddr)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // a second close, after serving, does no harm
	c.HTTPAddr = listener.Addr().String()
	if p.base, err = c.base(); err != nil {
		return err
	}
	if err := c.open(ctx, p); err != nil {
		return err
	}
	org, err := p.firstOrganization(ctx, c.Data, "First organization")
	if err != nil {
		return err
	}
	simulated, err := c.account(ctx, p, org)
	if err != nil {
		return err
	}
	services, err := c.services(p)
	if err != nil {
		return err
	}
	services = append(services, p.remember())
	routes, err := p.pages()
	if err != nil {
		return err
	}
	if routes["/twilio/"], err = p.ingress(); err != nil {
		return err
	}
	services = append(services, p.server(listener, routes))
	if simulated != nil {
		services = append([]service{simulated.double()}, append(services, simulated.driver(proc, started))...)
	}
	if err := c.tell(p); err != nil {
		return err
	}
	c.announce(proc, time.Since(started), org)
	return runServices(ctx, proc.log, services...)
}

// parts runs the embedded parts alone, with one organization in them, until ctx
// ends.
func (c *upCommand) parts(ctx context.Context, proc *process, p *parts) error {
	if err := c.open(ctx, p); err != nil {
		return err
	}
	if _, err := p.firstOrganization(ctx, c.Data, "First organization"); err != nil {
		return err
	}
	if err := c.tell(p); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(proc.stdout, "callstream's parts are ready, and no role runs\n  their addresses  set -a; . %s; set +a\n", filepath.Join(c.Data, instanceFile))
	<-ctx.Done()
	return nil
}

// tell lets other commands on this machine find the parts, until p closes.
func (c *upCommand) tell(p *parts) error {
	if err := c.instanceOf().write(c.Data); err != nil {
		return err
	}
	p.onClose(func(context.Context) error { return removeInstance(c.Data) })
	return nil
}

// validate reports every contradiction at once, before anything starts.
func (c *upCommand) validate() error {
	var errs []error
	if (c.TwilioAccountSID == "") != (c.TwilioAuthToken == "") {
		errs = append(errs, errors.New("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN belong together; set both or neither"))
	}
	if c.TwilioAccountSID != "" && !c.Simulate {
		errs = append(errs, schema.CheckSID("TWILIO_ACCOUNT_SID", c.TwilioAccountSID, schema.AccountPrefix))
		if c.AppHost == "" && c.PublicBaseURL == "" {
			errs = append(errs, errors.New("APP_HOST is not set: it is the public name under which Twilio reaches this process"))
		}
	}
	if !c.Roles && c.Simulate {
		errs = append(errs, errors.New("--simulate needs the roles that --no-roles leaves out; callstream simulate is the double alone"))
	}
	errs = append(errs, c.simulation.validate())
	return errors.Join(errs...)
}

// base returns the public base URL. Without one callstream is its own
// public: only processes on this machine reach it.
func (c *upCommand) base() (string, error) {
	if c.AppHost == "" && c.PublicBaseURL == "" {
		return "http://" + c.HTTPAddr, nil
	}
	return c.publicConfig.base()
}

// open starts the embedded parts for which no address is given, opens
// everything, and brings tables and streams up to date.
func (c *upCommand) open(ctx context.Context, p *parts) error {
	broker, room, err := c.start(ctx, p)
	if err != nil {
		return err
	}
	if c.SecretKey == "" {
		if c.SecretKey, err = keepFile(c.Data, secretKeyFile, newSecretKey); err != nil {
			return err
		}
	}
	if err := p.openDatabase(ctx, c.databaseConfig, c.SecretKey); err != nil {
		return err
	}
	if err := p.db.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := p.openStream(ctx, c.natsConfig, "up", broker); err != nil {
		return err
	}
	return p.provision(ctx, c.StreamReplicas, room)
}

// services opens what the consumers lean on and returns the services of every durable.
func (c *upCommand) services(p *parts) ([]service, error) {
	if err := p.openTwilio(c.twilioConfig); err != nil {
		return nil, err
	}
	names := consumers.Names()
	transcribes := c.OpenAIKey != "" || c.OpenAIBaseURL != ""
	if transcribes {
		if err := p.openTranscription(c.transcriptionConfig); err != nil {
			return nil, err
		}
	} else {
		names = slices.DeleteFunc(names, func(name string) bool { return name == consumers.Transcriber })
		p.log.Warn("nothing is transcribed until OPENAI_API_KEY or OPENAI_BASE_URL is set; recordings are archived, stay at Twilio, and wait for it in the stream")
	}
	return p.consumers(names)
}

// account gives the organization its Twilio account: the simulated one, or the
// environment's, or none yet. What the organization has settled since an
// earlier start stays as it is.
func (c *upCommand) account(ctx context.Context, p *parts, org string) (*simulated, error) {
	if c.Simulate {
		sim, err := c.simulation.start(ctx, p, c, org)
		if err != nil {
			return nil, err
		}
		if err := p.saveAccount(ctx, org, simulatedAccount, simulatedToken, simulatedNumbers); err != nil {
			return nil, err
		}
		if err := sim.answer(ctx); err != nil {
			return nil, err
		}
		return sim, sim.switchOn(ctx)
	}
	if c.TwilioAccountSID == "" {
		return nil, nil //nolint:nilnil // nothing is simulated
	}
	return nil, p.saveAccount(ctx, org, c.TwilioAccountSID, c.TwilioAuthToken, c.PhoneNumbers)
}

// announce says where everything is, and how to look at it.
func (c *upCommand) announce(proc *process, took time.Duration, org string) {
	key := filepath.Join(c.Data, operatorKeyFile)
	_, _ = fmt.Fprintf(proc.stdout, `callstream is ready after %s
  console      http://%s/ (sign in with the API key)
  API key      %s
  organization %s
  webhooks     %s/twilio/events?org=%[4]s, .../call-status?org=..., .../recording?org=...
  see a call   curl -H "Authorization: Bearer $(cat %[3]s)" 'http://%[2]s%[6]s'
`, took.Round(time.Millisecond), c.HTTPAddr, key, org, c.mustBase(), firstCall)
}

func (c *upCommand) mustBase() string {
	base, _ := c.base() // was checked before anything started
	return base
}
