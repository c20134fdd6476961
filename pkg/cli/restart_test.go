package cli_test

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/s3"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// Every process of every role is stopped and started again, one after another,
// while calls arrive: each goes in order, nothing is lost or done twice, and
// nothing waits for a process that is gone. Four archivers share their durable.
func TestARollingRestartLosesNothing(t *testing.T) {
	t.Parallel()
	const (
		account, token = "AC0000000000000000000000000000003f", "0123456789abcdef0123456789abcdef"
		calls          = 150
	)
	number, base := "+12025550145", "https://calls.example.com"
	var (
		nats      = broker(t)
		database  = embeddedtest.Postgres(t)
		bucket    = embeddedtest.S3(t)
		secret    = newKey(t)
		consumed  = []string{"calls", "calls", "recorder", "recorder", "archiver", "archiver", "archiver", "archiver", "transcriber", "transcriber", "reaper", "messages"}
		addresses = freeAddresses(t, 2+len(consumed))
		ingresses = addresses[:2]
	)
	makeBucket(t, bucket, "restart")
	for _, prepare := range [][]string{{"migrate", "up", "--database-url", database}, {"streams", "apply", "--nats-url", nats("operate")}} {
		if status, output := run(t, prepare...); status != 0 {
			t.Fatal(output)
		}
	}
	org, _ := organization(t, database, secret, account, token, number)
	sim, err := simulator.New(simulator.Config{
		Seed: 11, Speed: 20, Calls: calls, Rate: 10, AccountSID: account, AuthToken: token, OrganizationID: org,
		Numbers: []string{number}, Target: base, Dial: failover(t, ingresses), TranscriptsKnown: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	sim.FlagChanged(true, time.Now())
	twilio := serve(t, sim.Handler())

	common := []string{"--database-url", database, "--secret-key", secret, "--public-base-url", base, "--log-level", "error"}
	var roles []*restartable
	for _, addr := range ingresses {
		roles = append(roles, begin(t, addr, append([]string{"ingress", "--nats-url", nats("ingress")}, common...)...))
	}
	var archivers []string
	for i, name := range consumed {
		addr := addresses[2+i]
		if name == consumers.Archiver {
			archivers = append(archivers, addr)
		}
		roles = append(roles, begin(t, addr, append([]string{
			"consume", name, "--nats-url", nats("consume"), "--twilio-api-url", twilio, "--twilio-events-url", twilio,
			"--openai-base-url", twilio + "/v1", "--openai-api-key", "any",
			"--s3-endpoint", bucket.Endpoint(), "--s3-bucket", "restart", "--aws-access-key-id", bucket.AccessKey(), "--aws-secret-access-key", bucket.SecretKey(),
		}, common...)...))
	}
	for _, r := range roles {
		awaitReady(t, r.addr)
	}

	ran := make(chan error, 1)
	go func() { ran <- sim.Run(t.Context()) }()
	shared := map[string]bool{}
	look := func() {
		for _, addr := range archivers {
			shared[addr] = shared[addr] || worked(t, addr, consumers.Archiver)
		}
	}
	for i, r := range roles {
		placed(t, sim, (i+1)*calls/(len(roles)+4)) // the last ones start while calls still arrive
		look()                                     // a process that starts anew counts anew
		r.restart(t)
	}
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	settled(t, nats("operate"))

	db := openDatabase(t, database, secret)
	store, err := s3.Open(t.Context(), s3.Config{Endpoint: bucket.Endpoint(), Bucket: "restart", AccessKey: bucket.AccessKey(), SecretKey: bucket.SecretKey()})
	if err != nil {
		t.Fatal(err)
	}
	report, err := sim.Verify(t.Context(), outcome{db, store})
	if err != nil || !report.Identical() {
		t.Errorf("%v\n%s", err, report)
	}
	promptly(t, db)
	look()
	maps.DeleteFunc(shared, func(_ string, had bool) bool { return !had })
	if len(shared) < 2 {
		t.Errorf("%d of %d archivers had work", len(shared), len(archivers))
	}
}

// outcome is what the roles made of the calls.
type outcome struct {
	db    *postgres.DB
	store *s3.Store
}

func (o outcome) Calls(ctx context.Context, fn func(schema.CallRecord) error) error {
	return o.db.AllCallRecords(ctx, fn)
}

func (o outcome) Object(ctx context.Context, key string) (io.ReadCloser, error) {
	body, _, err := o.store.Get(ctx, key)
	return body, err
}

// restartable is a role's process, and how it is started again.
type restartable struct {
	addr string
	args []string
	*exec.Cmd
}

// begin starts a role that listens at addr.
func begin(t *testing.T, addr string, args ...string) *restartable {
	t.Helper()
	args = append(args, "--http-addr", addr)
	return &restartable{addr, args, process(t, args...)}
}

// restart stops the process as an orchestrator does, and starts it again.
func (r *restartable) restart(t *testing.T) {
	t.Helper()
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Errorf("%v: stopped, it exits with %v", r.args[:2], err)
	}
	r.Cmd = process(t, r.args...)
	awaitReady(t, r.addr)
}

// failover returns the address of a balancer that hands each request to the
// first ingress that takes connections.
func failover(t *testing.T, addresses []string) string {
	t.Helper()
	var turn atomic.Uint64
	dialer := &net.Dialer{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (conn net.Conn, err error) {
		first := turn.Add(1)
		for i := range uint64(len(addresses)) {
			if conn, err = dialer.DialContext(ctx, network, addresses[(first+i)%uint64(len(addresses))]); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	front := serve(t, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "ingress", r.In.Host
	}})
	u, _ := url.Parse(front)
	return u.Host
}

// placed waits until as many calls have been placed.
func placed(t *testing.T, sim *simulator.Simulator, calls int) {
	t.Helper()
	within(t, "calls are not placed", func() bool { return sim.Progress().Placed >= calls })
}

// settled waits until no durable has anything left to do.
func settled(t *testing.T, nats string) {
	t.Helper()
	for range 3 { // what one does gives work to the next
		for _, name := range consumers.Names() {
			within(t, name+" does not come to an end", func() bool { return idle(t, nats, name) })
		}
	}
}

// within waits until what is wanted is so.
func within(t *testing.T, otherwise string, wanted func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !wanted() {
		if time.Now().After(deadline) {
			t.Fatal(otherwise)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// promptly checks that every recording was archived sooner than a message is
// delivered again that nobody handed back.
func promptly(t *testing.T, db *postgres.DB) {
	t.Helper()
	archiver, err := consumers.Find(consumers.Archiver)
	if err != nil {
		t.Fatal(err)
	}
	archived := 0
	err = db.AllCallRecords(t.Context(), func(r schema.CallRecord) error {
		entries, err := db.Timeline(t.Context(), r.OrganizationID, r.CallSID)
		told := map[string]time.Time{}
		for _, e := range entries {
			switch e.Kind {
			case schema.KindRecordingProcessed:
				told[e.RecordingSID] = e.StoredAt
			case schema.KindRecordingArchived:
				archived++
				if took := e.StoredAt.Sub(told[e.RecordingSID]); took >= archiver.AckWait {
					t.Errorf("recording %s was archived %s after it was announced", e.RecordingSID, took)
				}
			}
		}
		return err
	})
	if err != nil || archived == 0 {
		t.Errorf("%d recordings archived, %v", archived, err)
	}
}

// worked reports whether the process has processed messages of the durable.
func worked(t *testing.T, addr, durable string) bool {
	t.Helper()
	response, err := http.Get("http://" + addr + "/metrics") //nolint:noctx // a test on loopback
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "callstream_messages_total{") && strings.Contains(lines.Text(), `"`+durable+`"`) {
			return true
		}
	}
	return false
}
