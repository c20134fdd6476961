package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// CrashConfig says how often processes are killed.
type CrashConfig struct {
	Runs   int           // kills; fewer than there are points: a sample; 0: each point once
	Seed   uint64        // decides which calls arrive, and which points of a sample are taken
	Rate   float64       // calls a second; 0: 4
	Survey time.Duration // how long calls arrive before the first kill, to see which points there are; 0: 30 s
	Limit  time.Duration // after which no process is killed any more; 0: none

	Dir     string       // where the servers keep their data; default a temporary folder, in memory if there is room, removed at the end
	Command []string     // how callstream itself is started; default this executable
	Env     []string     // of the roles, beside the process's own
	Logger  *slog.Logger // default: none
}

func (c CrashConfig) withDefaults() CrashConfig {
	c.Rate = cmp.Or(c.Rate, 4)
	c.Survey = cmp.Or(c.Survey, 30*time.Second)
	if c.Limit == 0 {
		c.Limit = 1 << 62
	}
	return c
}

// Crash runs one process of every role behind the wires of pkg/crash while
// calls arrive, and kills each process by kill -9 again and again, before and
// after each step that it does, and starts it again. In the end everything that
// came of the calls is compared with the truth.
//
// A killed process leaves messages behind that the broker holds for it, and
// leases: both for up to a minute. That wait is spared by having the servers
// believe that the time is over; nothing else is done for a killed process but
// to start it again.
//
// The report is whole where err is nil, whatever it says; the error is of what
// kept it from being one.
func Crash(ctx context.Context, config CrashConfig) (report CrashReport, err error) {
	config = config.withDefaults()
	whole, err := Config{Dir: config.Dir, Command: config.Command, Env: config.Env, Logger: config.Logger}.withDefaults()
	if err != nil {
		return report, err
	}
	if whole.Dir == "" {
		if whole.Dir, err = os.MkdirTemp(inMemory(), "callstream-crash-"); err != nil {
			return report, fmt.Errorf("make a folder: %w", err)
		}
		defer os.RemoveAll(whole.Dir)
	}
	report = CrashReport{Started: time.Now(), Seed: config.Seed, Machine: newMachine()}
	b := &bench{Config: whole, log: whole.Logger}
	w, err := b.world(ctx)
	if err != nil {
		return report, err
	}
	defer w.close()
	m := &matrix{CrashConfig: config, world: w, report: &report, enough: make(chan struct{})}
	if err := m.start(ctx); err != nil {
		return report, err
	}
	if err := m.run(ctx); err != nil {
		return report, err
	}
	report.Took = time.Since(report.Started).Seconds()
	report.LoadAfter = loadAverage()
	return report, nil
}

// memoryNeeded is more than the servers keep of some thousand calls.
const memoryNeeded = 4 << 30

// inMemory returns a folder in memory, or nothing where there is none with room.
// Those who are killed keep nothing themselves, and the servers are not killed:
// a disk would make it slower, and prove no more.
func inMemory() string {
	const folder = "/dev/shm"
	var disk unix.Statfs_t
	if err := unix.Statfs(folder, &disk); err != nil || disk.Bavail*uint64(disk.Bsize) < memoryNeeded { //nolint:gosec,unconvert // systems differ
		return ""
	}
	return folder
}

// matrix is one under way.
type matrix struct {
	CrashConfig
	*world
	sim     *simulator.Simulator
	enough  chan struct{} // closed when no further calls are needed
	victims []*victim
	callers callers
	report  *CrashReport
	plan    plan
}

// The numbers that callstream's TwiML answers, beside the one whose calls are
// answered elsewhere.
const (
	voicemailNumber = "+15550001112"
	forwardNumber   = "+15550001113"
	forwardedTo     = "+15550001190"
)

// start starts Twilio's double and a process of each role.
func (m *matrix) start(ctx context.Context) (err error) {
	org := m.account.OrganizationID
	for number, p := range map[string]schema.VoicePlan{
		voicemailNumber: {Action: schema.VoiceVoicemail, Greeting: "Please leave a message after the tone."},
		forwardNumber:   {Action: schema.VoiceForward, To: forwardedTo},
	} {
		if err := errors.Join(m.db.AddPhoneNumber(ctx, org, number), m.db.SetVoicePlan(ctx, org, number, &p)); err != nil {
			return fmt.Errorf("plan calls to %s: %w", number, err)
		}
	}
	ingress, err := m.newVictim(ctx, ingressRole)
	if err != nil {
		return err
	}
	m.sim, err = simulator.New(simulator.Config{
		Seed: m.Seed, Speed: soakSpeed, Rate: m.Rate, Enough: m.enough,
		AccountSID: m.account.AccountSID, AuthToken: m.account.AuthTokens[0], OrganizationID: org,
		Numbers: []string{ownNumber, voicemailNumber, forwardNumber}, VoiceNumbers: []string{voicemailNumber, forwardNumber},
		VoiceURL: "/twilio/voice?org=" + org + "&fallback=" + "%2B" + forwardedTo[1:],
		Target:   m.base, Dial: ingress.front(m), TranscriptsKnown: true,
	})
	if err != nil {
		return fmt.Errorf("make Twilio's double: %w", err)
	}
	m.onClose(func() { _ = m.sim.Close() }) // it keeps nothing
	m.sim.FlagChanged(true, time.Now())
	return m.begin(ctx)
}

// run places calls, looks which points there are, kills, waits for what is left
// behind, and compares.
func (m *matrix) run(ctx context.Context) error {
	group, during := errgroup.WithContext(ctx)
	group.Go(func() error { return m.sim.Run(during) })
	group.Go(func() error {
		defer close(m.enough)
		return m.killAll(during)
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("kill and start: %w", err)
	}
	left, err := m.rest(ctx)
	if err != nil {
		return err
	}
	store, err := s3.Open(ctx, s3.Config{
		Endpoint: m.variables["S3_ENDPOINT"], Bucket: m.variables["S3_BUCKET"], Region: m.variables["S3_REGION"],
		AccessKey: m.variables["AWS_ACCESS_KEY_ID"], SecretKey: m.variables["AWS_SECRET_ACCESS_KEY"],
	})
	if err != nil {
		return fmt.Errorf("open the bucket: %w", err)
	}
	if m.report.Outcome, err = m.sim.Verify(ctx, stored{m.world, store}); err != nil {
		return fmt.Errorf("compare with the truth: %w", err)
	}
	return m.judge(ctx, left)
}
