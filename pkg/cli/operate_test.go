package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

// operate does at the console what operators do there: it looks at the
// pipeline, and has history run again by a process that runs the consumer.
func operate(t *testing.T, console string, db *postgres.DB) {
	t.Helper()
	key, err := db.CreateAPIKey(t.Context(), "", "operator", []string{"operate"})
	if err != nil {
		t.Fatal(err)
	}
	var pipeline struct {
		Durables []struct{ Name string }
	}
	ask(t, key, http.MethodGet, console+"/api/pipeline", "", &pipeline)
	if len(pipeline.Durables) != len(consumers.Names()) {
		t.Errorf("the pipeline: %+v", pipeline)
	}
	var history struct{ At []int64 }
	if ask(t, key, http.MethodGet, console+"/api/pipeline/history", "", &history); len(history.At) == 0 {
		t.Error("nothing of the pipeline is remembered")
	}
	var estimate schema.ReplayEstimate
	if ask(t, key, http.MethodPost, console+"/api/replays/estimate", `{"consumer":"calls"}`, &estimate); estimate.Events == 0 || !estimate.Exact {
		t.Errorf("the estimate: %+v", estimate)
	}
	var replay schema.Replay
	ask(t, key, http.MethodPost, console+"/api/replays", `{"consumer":"calls"}`, &replay)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for replay.State != schema.ReplayDone {
		select {
		case <-ctx.Done():
			t.Fatalf("the replay is not done: %+v", replay)
		case <-time.After(50 * time.Millisecond):
			ask(t, key, http.MethodGet, console+"/api/replays/"+replay.ID, "", &replay)
		}
	}
	if replay.Progress.Done == 0 || replay.Progress.Failed > 0 {
		t.Errorf("the replay: %+v", replay.Progress)
	}
}

// ask sends a request to the API and reads the answer into answer.
func ask(t *testing.T, key, method, url, body string, answer any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
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
	text, _ := io.ReadAll(response.Body)
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s", method, url, response.StatusCode, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("%s %s: %s: %v", method, url, text, err)
	}
}

// Who plays a recording needs no NATS: the console starts and serves without.
func TestTheConsoleServesCallsWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	database, bucket, secret, console := embeddedtest.Postgres(t), embeddedtest.S3(t), newKey(t), freeAddress(t)
	makeBucket(t, bucket, "alone")
	if status, output := run(t, "migrate", "up", "--database-url", database); status != 0 {
		t.Fatal(output)
	}
	_, key := organization(t, database, secret, "AC0000000000000000000000000000002f", "0123456789abcdef0123456789abcdef", "+12025550144")
	role(t, "console", "--database-url", database, "--nats-url", "nats://"+freeAddress(t), "--secret-key", secret, "--http-addr", console,
		"--s3-endpoint", bucket.Endpoint(), "--s3-bucket", "alone", "--aws-access-key-id", bucket.AccessKey(), "--aws-secret-access-key", bucket.SecretKey())
	awaitReady(t, console)
	var page struct{ Calls []schema.CallRecord }
	ask(t, key, http.MethodGet, "http://"+console+"/api/calls", "", &page)
	if page.Calls == nil {
		t.Error("no list of calls")
	}
}
