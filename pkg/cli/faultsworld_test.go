package cli_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/embedded"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// faulty is a callstream whose dependencies fail, while simulated calls arrive.
// The way to each leads over a wire.
type faulty struct {
	*testing.T
	sim   *simulator.Simulator
	org   string
	front *watched // the way to ingress
	db    *postgres.DB
	conn  *stream.Conn
	store *s3.Store

	server   *embedded.Postgres
	data     string // its folder
	database *wire
	aside    *wire // another way to it, which stays well

	broker  *streamtest.Server
	nats    *wire
	cluster *nodes // instead of both

	bucket *wire
	twilio *wire
	openai *wire

	bucketLies, twilioLies, openaiLies *liar

	over chan string // of a role that ended by itself
}

// storm is a course of faults, of which each begins when the one before has
// healed. Calls arrive all the while.
type storm struct {
	rate   float64 // calls a second
	faults []fault
	nodes  func(*testing.T) *nodes // the broker; nil: one node behind a wire
}

// excused is how a decision ends that a storm may cost a call: the database did
// not answer in time. It is stored, and the reason is true, but the double cannot
// know that.
const excused = "by rule " + string(schema.RuleLookupFailed)

// fault is one thing that goes wrong.
type fault struct {
	name    string
	begin   func(*faulty) (heal func())
	calls   int  // that arrive meanwhile
	refused bool // ingress has to refuse what it cannot keep
}

// between is how many calls arrive from one fault to the next.
const between = 3

// length is the number of calls of the whole storm, with some to spare: they
// arrive also while things take their time to heal.
func (s storm) length() int {
	n := 2 * between
	for _, f := range s.faults {
		n += f.calls + 2*between
	}
	return n
}

// brave lives through the storm: the pipeline's state in the end is the truth.
func (s storm) brave(t *testing.T) {
	w := newFaulty(t, s)
	ran := make(chan error, 1)
	go func() { ran <- w.sim.Run(t.Context()) }()
	w.arrive(between)
	for _, f := range s.faults {
		w.endure(f)
	}
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	w.settle()
	report, err := w.sim.Verify(t.Context(), outcome{w.db, w.store})
	report.Differences = slices.DeleteFunc(report.Differences, func(d simulator.Difference) bool {
		return strings.HasSuffix(d.Got, excused)
	})
	if err != nil || !report.Identical() {
		t.Errorf("%v\n%s", err, report)
	}
	if n, err := w.conn.DeadLetters(t.Context()); n != 0 || err != nil {
		letters, _ := w.conn.LatestDeadLetters(t.Context(), 10)
		for _, l := range letters {
			t.Logf("dead letter of %s: %s: %s", l.Subject, l.Reason, l.Error)
		}
		t.Errorf("%d dead letters, %v", n, err)
	}
}

// endure has one fault come and go, and looks how ingress answers meanwhile.
func (w *faulty) endure(f fault) {
	w.Helper()
	first := len(w.front.since(0))
	began := time.Now()
	heal := f.begin(w)
	w.arrive(f.calls)
	during := w.front.since(first)
	heal()
	healed := len(w.front.since(0))
	within(w.T, f.name+": ingress takes nothing when all is well again", func() bool {
		p := w.sim.Progress()
		return p.Placed == p.Calls || slices.ContainsFunc(w.front.since(healed), func(a answered) bool { return a.status < 300 })
	})
	w.arrive(between)
	w.judge(f, during, time.Since(began))
}

// judge wants answers that are a promise or a refusal for now, and notes how long
// refusals took. What nobody waited for is Twilio's to repeat; how many there
// are depends on what else the machine does.
func (w *faulty) judge(f fault, during []answered, took time.Duration) {
	w.Helper()
	var refusals []time.Duration
	accepted, late := 0, 0
	for _, a := range during {
		switch {
		case a.status < 300:
			accepted++
		case a.status == http.StatusServiceUnavailable:
			refusals = append(refusals, a.took)
		case a.status == statusLate:
			late++
		default:
			w.Errorf("%s: ingress answers %s with %d %s", f.name, a.path, a.status, a.body)
		}
	}
	slices.Sort(refusals)
	if f.refused && len(refusals) == 0 {
		w.Errorf("%s: ingress refuses nothing", f.name)
	}
	line := fmt.Sprintf("%s: %s, %d accepted", f.name, took.Round(100*time.Millisecond), accepted)
	if n := len(refusals); n > 0 {
		line += fmt.Sprintf(", %d refused, median %s, slowest %s", n, refusals[n/2].Round(time.Millisecond), refusals[n-1].Round(time.Millisecond))
	}
	if late > 0 {
		line += fmt.Sprintf(", %d too late", late)
	}
	w.Log(line)
}

// arrive waits until so many more calls have been placed.
func (w *faulty) arrive(calls int) {
	w.Helper()
	now := w.sim.Progress()
	target := min(now.Placed+calls, now.Calls)
	within(w.T, "calls are not placed", func() bool {
		select {
		case why := <-w.over:
			w.Fatal(why)
		default:
		}
		return w.sim.Progress().Placed >= target
	})
}

// settle waits until no durable has anything left to do, also of what was put
// off.
func (w *faulty) settle() {
	w.Helper()
	for range 3 { // what one does gives work to the next
		for _, name := range consumers.Names() {
			within(w.T, name+" does not come to an end", func() bool {
				pending, inFlight, err := w.conn.Lag(w.Context(), name)
				parked, failed := w.db.Parked(w.Context(), name)
				return err == nil && failed == nil && pending+inFlight == 0 && parked == 0
			})
		}
	}
}

// newFaulty starts ingress, every consumer, and what they lean on.
func newFaulty(t *testing.T, s storm) *faulty {
	t.Helper()
	const (
		account, token = "AC000000000000000000000000000000fa", "0123456789abcdef0123456789abcdef"
		number, base   = "+12025550146", "https://calls.example.com"
	)
	w := &faulty{T: t, data: t.TempDir(), over: make(chan string, 10)}
	secret, s3server := newKey(t), embeddedtest.S3(t)
	bucket := "faults-" + strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	makeBucket(t, s3server, bucket)
	natsURL := w.startNATS(s)
	w.startPostgres()
	databaseURL := w.via(w.server.URL(), w.database.addr())
	for _, prepare := range [][]string{
		{"migrate", "up", "--database-url", databaseURL},
		{"streams", "apply", "--nats-url", natsURL, "--stream-replicas", fmt.Sprint(s.replicas())},
	} {
		if status, output := run(t, prepare...); status != 0 {
			t.Fatal(output)
		}
	}
	w.org, _ = organization(t, w.via(w.server.URL(), w.aside.addr()), secret, account, token, number)
	w.db = openDatabase(t, w.via(w.server.URL(), w.aside.addr()), secret)
	w.front = watch(t)
	var err error
	w.sim, err = simulator.New(simulator.Config{
		Seed: 5, Speed: 20, Calls: s.length(), Rate: s.rate, AccountSID: account, AuthToken: token, OrganizationID: w.org,
		Numbers: []string{number}, Target: base, Dial: hostOf(t, w.front.URL), TranscriptsKnown: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.sim.Close() })
	w.sim.FlagChanged(true, time.Now())
	w.bucket, w.bucketLies = w.behindLiar(pass(hostOf(t, s3server.Endpoint())))
	w.twilio, w.twilioLies = w.behindLiar(w.sim.Handler())
	w.openai, w.openaiLies = w.behindLiar(w.sim.Handler())

	common := []string{"--database-url", databaseURL, "--nats-url", natsURL, "--secret-key", secret, "--public-base-url", base, "--log-level", "error"}
	twilio := "http://" + w.twilio.addr()
	ingress := freeAddress(t) // not before everything else has its port
	w.front.next = pass(ingress)
	w.role(ingress, append([]string{"ingress"}, common...)...)
	w.role(freeAddress(t), append([]string{
		"consume", "all", "--stream-replicas", fmt.Sprint(s.replicas()), "--twilio-api-url", twilio, "--twilio-events-url", twilio,
		"--openai-base-url", "http://" + w.openai.addr() + "/v1", "--openai-api-key", "any",
		"--s3-endpoint", "http://" + w.bucket.addr(), "--s3-bucket", bucket,
		"--aws-access-key-id", s3server.AccessKey(), "--aws-secret-access-key", s3server.SecretKey(),
	}, common...)...)
	w.store, err = s3.Open(t.Context(), s3.Config{Endpoint: s3server.Endpoint(), Bucket: bucket, AccessKey: s3server.AccessKey(), SecretKey: s3server.SecretKey()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (s storm) replicas() int {
	if s.nodes != nil {
		return 3
	}
	return 1
}

// via returns the URL with another host.
func (w *faulty) via(address, host string) string {
	w.Helper()
	u, err := url.Parse(address)
	if err != nil {
		w.Fatal(err)
	}
	u.Host = host
	return u.String()
}

// behindLiar serves the handler behind one who can lie, at the end of a wire.
func (w *faulty) behindLiar(handler http.Handler) (*wire, *liar) {
	w.Helper()
	l := &liar{next: handler}
	return newWire(w.T, hostOf(w.T, serve(w.T, l))), l
}

// role runs a role at addr until the test ends. One that ends before is told to
// the test: nobody starts it again here.
func (w *faulty) role(addr string, args ...string) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	done := make(chan int, 1)
	var out lockedBuffer
	go func() {
		status := cli.Run(ctx, append(args, "--http-addr", addr), &out, &out)
		if ctx.Err() == nil {
			w.over <- fmt.Sprintf("%s ended by itself: exit status %d\n%s", args[0], status, out.String())
		}
		done <- status
	}()
	w.Cleanup(func() {
		cancel()
		if status := <-done; status != 0 {
			w.Errorf("%s: exit status %d", args[0], status)
		}
		if w.Failed() {
			w.Logf("%s:\n%s", args[0], tailOf(out.String()))
		}
	})
	awaitReady(w.T, addr)
}

// tailOf returns the end of what a role said.
func tailOf(s string) string { return s[max(0, len(s)-4000):] }

// startPostgres starts a server of the test's own, with a wire to it.
func (w *faulty) startPostgres() {
	w.Helper()
	w.beginPostgres()
	w.database, w.aside = newWire(w.T, hostOf(w.T, w.server.URL())), newWire(w.T, hostOf(w.T, w.server.URL()))
	w.Cleanup(func() { _ = w.server.Stop() })
}

// beginPostgres starts the server, or starts it again.
func (w *faulty) beginPostgres() {
	w.Helper()
	var err error
	w.server, err = embedded.StartPostgres(context.WithoutCancel(w.Context()), embedded.PostgresOptions{Dir: w.data, Fast: true})
	if err != nil {
		w.Fatal(err)
	}
}

// sql runs a statement past the wire.
func (w *faulty) sql(statement string) {
	w.Helper()
	db, err := sql.Open("postgres", w.via(w.server.URL(), w.aside.addr()))
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(w.Context(), statement); err != nil {
		w.Fatalf("%s: %v", statement, err)
	}
}
