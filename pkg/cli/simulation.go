package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// The account that up --simulate gives to the first organization. The token is
// no secret: nothing but the double believes it.
const (
	simulatedAccount = "AC5100000000000000000000000000000a"
	simulatedToken   = "5100000000000000000000000000000b"
)

// simulatedNumbers are the first organization's numbers, from the range that
// is reserved for fiction.
var simulatedNumbers = []string{"+12025550100", "+12025550101", "+12025550102"}

// simulatedPlans are how callstream answers calls to some of the numbers; those
// to the others are answered by the account's own set-up.
var simulatedPlans = map[string]schema.VoicePlan{
	"+12025550101": {Action: schema.VoiceVoicemail, Greeting: "Please leave a message after the tone.", Announcement: "Your message is recorded."},
	"+12025550102": {Action: schema.VoiceForward, To: simulatedAgent, Announcement: "This call is recorded."},
}

// simulatedAgent answers calls that are forwarded.
const simulatedAgent = "+12025550190"

// simulation is what up --simulate takes.
type simulation struct {
	Simulate bool    `name:"simulate" group:"Simulation:" help:"Place simulated calls on a double of Twilio."`
	Calls    int     `name:"calls" placeholder:"N" group:"Simulation:" help:"Stop after N calls; without it calls arrive until Ctrl-C."`
	Rate     float64 `name:"rate" placeholder:"R" group:"Simulation:" help:"Calls a second; default 1, or 50 with --calls."`
	Speed    float64 `name:"speed" placeholder:"X" group:"Simulation:" help:"How many times faster than in life calls pass; default 1, or 20 with --calls."`
	Faults   string  `name:"faults" default:"none" group:"Simulation:" help:"none, all, or some of: ${faults}."`
	Seed     uint64  `name:"seed" default:"1" group:"Simulation:" help:"The same seed gives the same calls and faults."`
	Verify   bool    `name:"verify" group:"Simulation:" help:"After --calls: compare every row, object and deletion with the truth; exit 1 if any differs."`
}

// validate reports flags that mean nothing together.
func (s *simulation) validate() error {
	var errs []error
	if !s.Simulate && (s.Calls > 0 || s.Verify || s.Faults != "none") {
		errs = append(errs, errors.New("--calls, --faults and --verify need --simulate"))
	}
	if s.Verify && s.Calls <= 0 {
		errs = append(errs, errors.New("--verify needs --calls N: the truth of endless calls is never complete"))
	}
	if s.Calls < 0 || s.Rate < 0 || s.Speed < 0 {
		errs = append(errs, errors.New("--calls, --rate and --speed are not negative"))
	}
	if _, err := simulator.ParseFaults(s.Faults); err != nil {
		errs = append(errs, fmt.Errorf("--faults: %w", err))
	}
	return errors.Join(errs...)
}

// pace returns the rate and speed: lifelike to watch, fast to verify.
func (s *simulation) pace() (rate, speed float64) {
	rate, speed = 1, 1
	if s.Calls > 0 {
		rate, speed = 50, 20
	}
	if s.Rate > 0 {
		rate = s.Rate
	}
	if s.Speed > 0 {
		speed = s.Speed
	}
	return rate, speed
}

// simulated is the double while it runs beside the roles.
type simulated struct {
	*simulation
	p        *parts
	org      string
	up       *upCommand
	sim      *simulator.Simulator
	listener net.Listener
}

// start makes the double and points the Twilio clients, and unless a real
// service is named the transcription client, to it.
func (s *simulation) start(ctx context.Context, p *parts, up *upCommand, org string) (*simulated, error) {
	faults, err := simulator.ParseFaults(s.Faults)
	if err != nil {
		return nil, fmt.Errorf("--faults: %w", err)
	}
	listener, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ownTranscripts := up.OpenAIKey == "" && up.OpenAIBaseURL == ""
	rate, speed := s.pace()
	sim, err := simulator.New(simulator.Config{
		Dir:              filepath.Join(up.Data, "simulator"),
		Seed:             s.Seed,
		Speed:            speed,
		Calls:            s.Calls,
		Rate:             rate,
		Faults:           faults,
		AccountSID:       simulatedAccount,
		AuthToken:        simulatedToken,
		OrganizationID:   org,
		Numbers:          simulatedNumbers,
		VoiceURL:         p.webhook("voice", org, "fallback", simulatedAgent),
		VoiceNumbers:     slices.Sorted(maps.Keys(simulatedPlans)),
		Logger:           p.log,
		Target:           p.base,
		Dial:             up.HTTPAddr,
		TranscriptsKnown: ownTranscripts,
	})
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	address := "http://" + listener.Addr().String()
	up.TwilioAPIURL, up.TwilioEventsURL, up.TwilioInsightsURL = address, address, address
	if ownTranscripts {
		up.OpenAIBaseURL, up.OpenAIKey = address+"/v1", "simulated"
	}
	return &simulated{simulation: s, p: p, org: org, up: up, sim: sim, listener: listener}, nil
}

// answer has callstream answer the calls to the numbers with a plan.
func (s *simulated) answer(ctx context.Context) error {
	for number, plan := range simulatedPlans {
		if err := s.p.db.SetVoicePlan(ctx, s.org, number, &plan); err != nil {
			return fmt.Errorf("plan calls to %s: %w", number, err)
		}
	}
	return nil
}

// switchOn switches recording on, and lets the truth know since when.
func (s *simulated) switchOn(ctx context.Context) error {
	account, err := s.p.db.AccountByOrganization(ctx, s.org)
	if err != nil {
		return fmt.Errorf("read the simulated account: %w", err)
	}
	if !account.RecordingEnabled {
		return s.toggle(ctx, true)
	}
	s.sim.FlagChanged(true, time.Now())
	return nil
}

// toggle turns the recording switch, and tells the truth.
func (s *simulated) toggle(ctx context.Context, on bool) error {
	if err := s.p.db.SetRecordingEnabled(ctx, s.org, on); err != nil {
		return fmt.Errorf("turn the recording switch: %w", err)
	}
	s.sim.FlagChanged(on, time.Now())
	return nil
}

// toggling turns the switch off for a third of the calls in the middle of a run
// with faults, so that a recording against the switch would show.
func (s *simulated) toggling(ctx context.Context) error {
	if s.Calls == 0 || s.Faults == "none" {
		return nil
	}
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	on := true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		placed := s.sim.Progress().Placed
		if want := placed < s.Calls*3/10 || placed >= s.Calls*6/10; want != on {
			if err := s.toggle(ctx, want); err != nil {
				return err
			}
			on = want
		}
	}
}

// double serves Twilio's and the transcription service's surfaces. It starts
// first and stops last: consumers call it until their end.
func (s *simulated) double() service {
	return server{name: "twilio double", listener: s.listener, handler: s.sim.Handler(), log: s.p.log}.service()
}

// driver places the calls, shows how they fare and, when they are limited in
// number, waits until all has settled and says how it ended.
func (s *simulated) driver(proc *process, started time.Time) service {
	return service{"simulation", func(ctx context.Context) error {
		view := s.view(proc, started)
		defer view.close()
		go view.run(ctx)
		if err := s.place(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		view.close()
		if !s.Verify {
			return nil
		}
		report, err := s.sim.Verify(ctx, outcome{s.p})
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		_, _ = fmt.Fprintln(proc.stdout, report.String())
		if !report.Identical() {
			return fmt.Errorf("verify: %d differences from the truth, %d legs unfinished", len(report.Differences), report.Unfinished)
		}
		return nil
	}}
}

// place places the calls, and turns the recording switch meanwhile.
func (s *simulated) place(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	toggled := make(chan error, 1)
	go func() { toggled <- s.toggling(ctx) }()
	err := s.sim.Run(ctx)
	stop()
	if err != nil {
		err = fmt.Errorf("place calls: %w", err)
	}
	return errors.Join(err, <-toggled)
}

// How settle waits: it looks every settleTick, believes a quiet pipeline after
// settleQuiet looks, and gives up when nothing has moved for settleLimit.
const (
	settleTick  = 100 * time.Millisecond
	settleQuiet = 5
	settleLimit = 5 * time.Minute
)

// settle waits until nothing is left to do: every durable has acknowledged all
// and no message waits in Postgres. It gives up when nothing moves any more,
// so that a stuck pipeline is reported and not waited for.
func (s *simulated) settle(ctx context.Context) error {
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	var (
		quiet int
		last  = uint64(1 << 63)
		moved = time.Now()
	)
	for quiet < settleQuiet {
		select {
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // stopped, not failed
		case <-tick.C:
		}
		left, err := s.left(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("look at the pipeline: %w", err)
		case left == 0:
			quiet++
		default:
			quiet = 0
		}
		if left != last {
			last, moved = left, time.Now()
		}
		if time.Since(moved) > settleLimit && left > 0 {
			s.p.log.Warn("the pipeline does not settle", "messages", left)
			return nil
		}
	}
	return nil
}

// left counts the messages that some durable still has to do.
func (s *simulated) left(ctx context.Context) (n uint64, err error) {
	for _, name := range consumers.Names() {
		pending, inFlight, err := s.p.conn.Lag(ctx, name)
		if err != nil {
			return 0, err //nolint:wrapcheck // names the durable
		}
		parked, err := s.p.db.Parked(ctx, name)
		if err != nil {
			return 0, err //nolint:wrapcheck // names the durable
		}
		n += pending + inFlight + uint64(parked) //nolint:gosec // a count
	}
	return n, nil
}

// outcome is what came out of the pipeline, for the simulator to compare.
type outcome struct{ p *parts }

// Calls yields every call's record.
func (o outcome) Calls(ctx context.Context, fn func(schema.CallRecord) error) error {
	return o.p.db.AllCallRecords(ctx, fn)
}

// Object opens an archived recording.
func (o outcome) Object(ctx context.Context, key string) (io.ReadCloser, error) {
	body, _, err := o.p.objects.Get(ctx, key)
	return body, err
}
