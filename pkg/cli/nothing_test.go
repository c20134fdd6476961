package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/simulator"
	"github.com/loquent/callstream/pkg/twilio/twiliospec"
	"github.com/loquent/callstream/schema"
)

// The way of a new organization in the README, command by command: from nothing
// to its first recorded call, every request to Twilio as Twilio's own OpenAPI
// describes it.
func TestANewOrganizationFromNothingToItsFirstRecordedCall(t *testing.T) {
	t.Parallel()
	const (
		account, token = "AC0000000000000000000000000000002f", "0123456789abcdef0123456789abcdef"
		base           = "https://calls.example.com"
	)
	forwarded, voicemail := "+12025550147", "+12025550148"
	dir := t.TempDir()
	var double atomic.Pointer[http.Handler]
	twilio := serve(t, judged(t, &double))
	address, stop := start(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0", "--log-level", "error", "--public-base-url", base,
		"--twilio-api-url", twilio, "--twilio-events-url", twilio, "--twilio-insights-url", twilio,
		"--openai-base-url", twilio+"/v1", "--openai-api-key", "any")
	defer stop()
	here := func(args ...string) string {
		t.Helper()
		status, output := run(t, append(args, "--data", dir)...)
		if status != 0 {
			t.Fatalf("callstream %s: exit status %d\n%s", strings.Join(args, " "), status, output)
		}
		return strings.TrimSpace(output)
	}

	org := here("orgs", "create", "Example Ltd")
	sim, err := simulator.New(simulator.Config{
		Seed: 3, Speed: 20, Calls: 30, Rate: 15, AccountSID: account, AuthToken: token, OrganizationID: org,
		Numbers: []string{forwarded, voicemail}, Target: base, Dial: address, TranscriptsKnown: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	handler := sim.Handler()
	double.Store(&handler)

	if status, output := run(t, "settings", "credentials", "--data", dir, "--org", org, "--account-sid", account,
		"--auth-token", strings.Repeat("f", 32)); status != 1 || !strings.Contains(output, "not stored") {
		t.Errorf("wrong credentials: exit status %d\n%s", status, output)
	}
	here("settings", "credentials", "--org", org, "--account-sid", account, "--auth-token", token)
	here("numbers", "add", "--org", org, forwarded, voicemail)
	here("numbers", "voice", forwarded, "forward", "--org", org, "--to", "+12025550199", "--announcement", "This call is recorded.")
	here("numbers", "voice", voicemail, "voicemail", "--org", org)
	here("numbers", "connect", "--org", org)
	here("sinks", "setup", "call", "sms", "--org", org)
	sim.FlagChanged(true, time.Now())
	here("settings", "set", "--recording", "on", "--org", org)
	if findings := here("doctor", "--org", org); strings.Contains(findings, "failed") {
		t.Errorf("doctor finds fault:\n%s", findings)
	}
	key := here("keys", "create", "reporting", "--org", org, "--permission", "read", "--permission", "play")

	if err := sim.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	call := firstRecorded(t, "http://"+address, key)
	if call.RecordingURL == "" || call.Transcription == "" || call.OrganizationID != org {
		t.Errorf("first recorded call %+v", call)
	}
	if audit := here("audit", "--org", org); !strings.Contains(audit, "settings.update") || strings.Contains(audit, token) {
		t.Errorf("audit log:\n%s", audit)
	}
	report, err := os.ReadFile(filepath.Join(dir, "instance.env"))
	if err != nil || bytes.Contains(report, []byte(token)) {
		t.Errorf("the account's token is in instance.env (%v)", err)
	}
	here("sinks", "remove", "sms", "call", "--org", org)
}

// judged serves the double once there is one, and holds every request to
// Twilio's OpenAPI against it.
func judged(t *testing.T, double *atomic.Pointer[http.Handler]) http.Handler {
	spec, judges := twiliospec.Open(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if judges {
			if err := spec.Check(r, body); err != nil && !errors.Is(err, twiliospec.ErrNotCovered) {
				t.Errorf("Twilio's OpenAPI does not know %s %s: %v", r.Method, r.URL.Path, err)
			}
		}
		handler := double.Load()
		if handler == nil {
			http.Error(w, "not there yet", http.StatusServiceUnavailable)
			return
		}
		(*handler).ServeHTTP(w, r)
	})
}

// firstRecorded waits for a call with a transcript and returns it.
func firstRecorded(t *testing.T, address, key string) schema.CallRecord {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		page := struct{ Calls []schema.CallRecord }{}
		if err := getJSON(ctx, address+"/api/calls?recorded=true", key, &page); err != nil {
			t.Fatal(err)
		}
		for _, call := range page.Calls {
			if call.Transcription != "" {
				return call
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no call came to a transcript; recorded %+v", page.Calls)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func getJSON(ctx context.Context, address, key string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", address, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
