package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/schema"
)

// toggle is one turn of the recording switch, as its requester saw it.
type toggle struct {
	on             bool
	sent, answered time.Time
}

// The recording switch, turned over the API while calls are answered, holds
// from the next event on in every process: two ingresses and two recorders,
// none restarted. Whatever a recorder decides on, the switch was there after
// the event had come.
func TestTheSwitchHoldsFromTheNextEventInEveryProcess(t *testing.T) {
	t.Parallel()
	const (
		account, token = "AC0000000000000000000000000000001f", "0123456789abcdef0123456789abcdef"
		calls          = 240
	)
	number, base := "+12025550143", "https://calls.example.com"
	var (
		nats      = broker(t)
		database  = embeddedtest.Postgres(t)
		bucket    = embeddedtest.S3(t)
		secret    = newKey(t)
		ingresses = []string{freeAddress(t), freeAddress(t)}
		console   = freeAddress(t)
	)
	makeBucket(t, bucket, "toggle")
	for _, prepare := range [][]string{{"migrate", "up", "--database-url", database}, {"streams", "apply", "--nats-url", nats("operate")}} {
		if status, output := run(t, prepare...); status != 0 {
			t.Fatal(output)
		}
	}
	first := toggle{on: true, sent: time.Now()}
	org, key := organization(t, database, secret, account, token, number)
	first.answered = time.Now()
	front := spread(t, ingresses)
	sim, err := simulator.New(simulator.Config{
		Seed: 7, Speed: 20, Calls: calls, Rate: 30, AccountSID: account, AuthToken: token, OrganizationID: org,
		Numbers: []string{number}, Target: base, Dial: front,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	twilio := serve(t, sim.Handler())

	common := []string{"--database-url", database, "--secret-key", secret, "--log-level", "error"}
	for _, addr := range ingresses {
		process(t, append([]string{"ingress", "--nats-url", nats("ingress"), "--public-base-url", base, "--http-addr", addr}, common...)...)
	}
	for _, name := range []string{"recorder", "recorder", "calls"} {
		process(t, append([]string{
			"consume", name, "--nats-url", nats("consume"), "--public-base-url", base, "--http-addr", "127.0.0.1:0",
			"--twilio-api-url", twilio, "--twilio-events-url", twilio,
		}, common...)...)
	}
	process(t, append([]string{
		"console", "--http-addr", console, "--s3-endpoint", bucket.Endpoint(), "--s3-bucket", "toggle",
		"--aws-access-key-id", bucket.AccessKey(), "--aws-secret-access-key", bucket.SecretKey(),
	}, common...)...)
	for _, addr := range append(ingresses, console) {
		awaitReady(t, addr)
	}

	ran := make(chan error, 1)
	go func() { ran <- sim.Run(t.Context()) }()
	toggles := turnWhile(t, []toggle{first}, sim, ran, "http://"+console+"/api/twilio/settings", key)

	db := openDatabase(t, database, secret)
	started, refused := 0, 0
	for _, d := range settledDecisions(t, db, nats("operate")) {
		switch d.Rule {
		case schema.RuleEnabled:
			started++
		case schema.RuleDisabled:
			refused++
		default:
			continue
		}
		holds(t, d, toggles)
	}
	if len(toggles) < 4 || started < 5 || refused < 5 {
		t.Errorf("%d turns, %d started, %d refused: too few to race", len(toggles), started, refused)
	}
}

// decided is a decision with the moment at which the news of the answer was
// stored, before which nobody can have looked.
type decided struct {
	schema.Decision
	stored time.Time
}

// holds checks that the state on which d was decided had not been turned, and
// the turn answered, before the event came.
func holds(t *testing.T, d decided, toggles []toggle) {
	t.Helper()
	_, since, _ := strings.Cut(d.Evidence, " since ")
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		t.Errorf("%s: evidence %q does not say since when", d.CallSID, d.Evidence)
		return
	}
	on := strings.Contains(d.Evidence, " is on since ")
	for i := len(toggles) - 1; i >= 0; i-- {
		// The evidence names a second; the latest turn that it can mean counts.
		if toggles[i].on != on || at.Before(toggles[i].sent.Truncate(time.Second)) || at.After(toggles[i].answered) {
			continue
		}
		if i+1 < len(toggles) && d.stored.After(toggles[i+1].answered) {
			t.Errorf("%s was answered at %s and decided %q, though the switch had been turned by %s",
				d.CallSID, d.stored.Format(time.StampMilli), d.Evidence, toggles[i+1].answered.Format(time.StampMilli))
		}
		return
	}
	t.Errorf("%s: nobody turned the switch when %q says", d.CallSID, d.Evidence)
}

// turnWhile turns the switch back and forth as calls are placed, until the run
// ends, and returns the turns with the earlier ones.
func turnWhile(t *testing.T, toggles []toggle, sim *simulator.Simulator, ran <-chan error, url, key string) []toggle {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	next := 30
	for {
		select {
		case err := <-ran:
			if err != nil {
				t.Fatal(err)
			}
			return toggles
		case <-tick.C:
		}
		if sim.Progress().Placed < next {
			continue
		}
		next += 30
		turn := toggle{on: len(toggles)%2 == 0, sent: time.Now()}
		patch(t, url, key, fmt.Sprintf(`{"call_recording_enabled":%v}`, turn.on))
		turn.answered = time.Now()
		toggles = append(toggles, turn)
	}
}

func patch(t *testing.T, url, key, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		var text bytes.Buffer
		_, _ = text.ReadFrom(response.Body)
		t.Fatalf("PATCH %s: %d %s", url, response.StatusCode, text.String())
	}
}

// settledDecisions waits until the recorder has nothing left and returns all
// decisions with the arrival of the news that they were made on.
func settledDecisions(t *testing.T, db *postgres.DB, nats string) (all []decided) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !idle(t, nats, "recorder", "calls") {
		if ctx.Err() != nil {
			t.Fatal("the recorders do not come to an end")
		}
	}
	err := db.AllCallRecords(ctx, func(r schema.CallRecord) error {
		if r.Decision == nil {
			return nil
		}
		entries, err := db.Timeline(ctx, r.OrganizationID, r.CallSID)
		d := decided{Decision: *r.Decision}
		for _, e := range entries {
			// A dialled child's news is in its own timeline, so the earliest
			// news of the parent is taken where there is no better.
			if d.stored.IsZero() || e.StoredAt.Before(d.stored) {
				d.stored = e.StoredAt
			}
		}
		all = append(all, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
