package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// SoakConfig says how long calls arrive, and how fast.
type SoakConfig struct {
	For  time.Duration // that calls are placed; what they leave behind is waited for
	Rate float64       // calls a second; 0: 3

	Dir     string       // where the servers keep their data; default a temporary folder, removed at the end
	Command []string     // how callstream itself is started; default this executable
	Env     []string     // of the roles, beside the process's own
	Logger  *slog.Logger // default: none
}

// soakSpeed is how much faster than in life simulated calls pass.
const soakSpeed = 20

// soakShare is the part of the time by which the roles have warmed up.
const soakShare = 10

// Soak runs two processes of every role while calls arrive evenly. One of each
// works on and is watched. The others are ended in turn, in order and by kill -9
// alternately, and started again. In the end everything that came of the calls
// is compared with the truth.
//
// The report is whole where err is nil, whatever it says; the error is of what
// kept it from being one.
func Soak(ctx context.Context, config SoakConfig) (report SoakReport, err error) {
	if config.Rate == 0 {
		config.Rate = 3
	}
	whole, err := Config{Dir: config.Dir, Command: config.Command, Env: config.Env, Logger: config.Logger}.withDefaults()
	if err != nil {
		return report, err
	}
	if whole.Dir == "" {
		if whole.Dir, err = os.MkdirTemp("", "callstream-soak-"); err != nil {
			return report, fmt.Errorf("make a folder: %w", err)
		}
		defer os.RemoveAll(whole.Dir)
	}
	report = SoakReport{Started: time.Now(), Rate: config.Rate, Machine: newMachine()}
	b := &bench{Config: whole, log: whole.Logger}
	w, err := b.world(ctx, broker{nodes: 1, always: true})
	if err != nil {
		return report, err
	}
	defer w.close()
	s := &soak{SoakConfig: config, world: w, report: &report}
	if err := s.start(ctx); err != nil {
		return report, err
	}
	if err := s.run(ctx); err != nil {
		return report, err
	}
	report.Took = time.Since(report.Started).Seconds()
	report.LoadAfter = loadAverage()
	return report, nil
}

// soak is one under way.
type soak struct {
	SoakConfig
	*world
	sim    *simulator.Simulator
	steady []*role    // work on, and are watched
	churn  []*changed // are ended and started again
	report *SoakReport
}

// start starts Twilio's double and two processes of each role.
func (s *soak) start(ctx context.Context) (err error) {
	front, add := newFront()
	s.onClose(front.Close)
	s.sim, err = simulator.New(simulator.Config{
		Seed: 1, Speed: soakSpeed, Rate: s.Rate, Calls: max(1, int(s.Rate*s.For.Seconds())),
		AccountSID: s.account.AccountSID, AuthToken: s.account.AuthTokens[0], OrganizationID: s.account.OrganizationID,
		Numbers: []string{ownNumber}, Target: s.base, Dial: front.Listener.Addr().String(), TranscriptsKnown: true,
	})
	if err != nil {
		return fmt.Errorf("make Twilio's double: %w", err)
	}
	s.onClose(func() { _ = s.sim.Close() }) // it keeps nothing
	s.sim.FlagChanged(true, time.Now())
	twilio := httptest.NewServer(s.sim.Handler())
	s.onClose(twilio.Close)
	env := []string{"TWILIO_API_URL=" + twilio.URL, "TWILIO_EVENTS_URL=" + twilio.URL, "OPENAI_BASE_URL=" + twilio.URL + "/v1", "OPENAI_API_KEY=any"}
	for _, args := range soakRoles() {
		r, err := s.world.start(ctx, env, args...)
		if err != nil {
			return err
		}
		c, err := s.newChanged(ctx, env, args)
		if err != nil {
			return err
		}
		s.steady, s.churn = append(s.steady, r), append(s.churn, c)
		if args[0] == "ingress" {
			add(r.addr, c.addr)
		}
	}
	return nil
}

// soakRoles lists the command lines of all roles.
func soakRoles() [][]string {
	roles := [][]string{{"ingress"}, {"console"}}
	for _, name := range consumers.Names() {
		roles = append(roles, []string{"consume", name})
	}
	return roles
}

// run places the calls while it watches and changes the processes, waits for
// what they leave behind, and compares it.
func (s *soak) run(ctx context.Context) error {
	w := s.newWatch()
	during, stop := context.WithCancel(ctx)
	defer stop()
	beside, during := errgroup.WithContext(during)
	beside.Go(func() error { return w.run(during, s.For) })
	beside.Go(func() error { return s.change(during) })
	beside.Go(func() error { return s.browse(during) })
	err := s.sim.Run(ctx)
	stop()
	if err = errors.Join(err, beside.Wait()); err != nil {
		return fmt.Errorf("place calls: %w", err)
	}
	s.report.Trends = w.trends()
	for _, r := range s.steady {
		select {
		case <-r.over:
			return schema.Errorf(schema.Internal, "callstream %s ended by itself: %s\n%s", r.name, r.command.ProcessState, r.output)
		default:
		}
	}
	if _, err := s.rest(ctx); err != nil { // the comparison says what is missing
		return err
	}
	store, err := s3.Open(ctx, s3.Config{
		Endpoint: s.variables["S3_ENDPOINT"], Bucket: s.variables["S3_BUCKET"], Region: s.variables["S3_REGION"],
		AccessKey: s.variables["AWS_ACCESS_KEY_ID"], SecretKey: s.variables["AWS_SECRET_ACCESS_KEY"],
	})
	if err != nil {
		return fmt.Errorf("open the bucket: %w", err)
	}
	if s.report.Outcome, err = s.sim.Verify(ctx, stored{s.world, store}); err != nil {
		return fmt.Errorf("compare with the truth: %w", err)
	}
	return nil
}

// browse asks the console for the newest calls once a second, as somebody who
// watches it does, until ctx ends.
func (s *soak) browse(ctx context.Context) error {
	for console := s.steady[1]; ctx.Err() == nil; pause(ctx, time.Second) {
		if err := s.newest(ctx, console); err != nil && ctx.Err() == nil {
			return fmt.Errorf("ask the console for calls: %w", err)
		}
	}
	return nil
}

// newest reads the console's first page of calls.
func (s *soak) newest(ctx context.Context, console *role) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+console.addr+"/api/calls?limit=50", nil)
	if err != nil {
		return err //nolint:wrapcheck // cannot be
	}
	request.Header.Set("Authorization", "Bearer "+s.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err //nolint:wrapcheck // says what it did
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return schema.Errorf(schema.Internal, "%s", response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err //nolint:wrapcheck // says what it did
}

// stored is what the roles made of the calls.
type stored struct {
	*world
	store *s3.Store
}

// Calls yields every call's record.
func (s stored) Calls(ctx context.Context, fn func(schema.CallRecord) error) error {
	return s.db.AllCallRecords(ctx, fn) //nolint:wrapcheck // says what it did
}

// Object opens an archived recording.
func (s stored) Object(ctx context.Context, key string) (io.ReadCloser, error) {
	body, _, err := s.store.Get(ctx, key)
	return body, err //nolint:wrapcheck // says what it did
}
