package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/schema"
)

// broker starts a nats-server from the shipped nats.conf and returns its
// address for each of the users in it.
func broker(t *testing.T) (address func(user string) string) {
	t.Helper()
	shipped, err := os.ReadFile("../../nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	passwords := ""
	for _, user := range []string{"INGRESS", "CONSUME", "CONSOLE", "OPERATE"} {
		passwords += fmt.Sprintf("CALLSTREAM_NATS_%s: secret\n", user)
	}
	options := &server.Options{}
	if err := options.ProcessConfigString(passwords + string(shipped)); err != nil {
		t.Fatalf("nats.conf: %v", err)
	}
	if !options.SyncAlways {
		t.Error("nats.conf acknowledges before fsync")
	}
	options.Host, options.Port, options.StoreDir, options.NoSigs, options.NoLog = "127.0.0.1", server.RANDOM_PORT, t.TempDir(), true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatalf("nats.conf: %v", err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats-server is not ready")
	}
	return func(user string) string { return "nats://" + user + ":secret@" + s.Addr().String() }
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(t *testing.T) string { t.Helper(); return freeAddresses(t, 1)[0] }

// freeAddresses returns as many, all different.
func freeAddresses(t *testing.T, n int) (addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // not before all are found, or one might be found twice
		addresses = append(addresses, l.Addr().String())
	}
	return addresses
}

// role runs a command line until the test ends and reports one that ends
// before.
func role(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan int, 1)
	var out lockedBuffer
	go func() { done <- cli.Run(ctx, args, &out, &out) }()
	t.Cleanup(func() {
		cancel()
		if status := <-done; status != 0 || t.Failed() {
			t.Errorf("%s: exit status %d\n%s", args[0], status, out.String())
		}
	})
}

// The roles, each a process of its own for all that they share, with the NATS
// users of nats.conf, bring a simulated call from its webhook to its deletion
// receipt.
func TestRolesApart(t *testing.T) {
	t.Parallel()
	const account, token, number = "AC0000000000000000000000000000000f", "0123456789abcdef0123456789abcdef", "+12025550142"
	secret := newKey(t)
	var (
		nats     = broker(t)
		database = embeddedtest.Postgres(t)
		bucket   = embeddedtest.S3(t)
		ingress  = freeAddress(t)
		console  = freeAddress(t)
		twilio   = freeAddress(t)
	)
	store := []string{"--s3-endpoint", bucket.Endpoint(), "--s3-bucket", "roles", "--aws-access-key-id", bucket.AccessKey(), "--aws-secret-access-key", bucket.SecretKey()}
	makeBucket(t, bucket, "roles")
	if status, output := run(t, "migrate", "up", "--database-url", database); status != 0 {
		t.Fatal(output)
	}
	if status, output := run(t, "streams", "apply", "--nats-url", nats("operate")); status != 0 || !strings.Contains(output, "stream CALLS created") {
		t.Fatalf("streams apply: %d\n%s", status, output)
	}
	org, apiKey := organization(t, database, secret, account, token, number)

	role(t, append([]string{"console", "--database-url", database, "--nats-url", nats("console"), "--secret-key", secret, "--http-addr", console}, store...)...)
	role(t, "ingress", "--database-url", database, "--nats-url", nats("ingress"), "--secret-key", secret,
		"--public-base-url", "https://calls.example.com", "--http-addr", ingress)
	consume := append([]string{
		"--database-url", database, "--nats-url", nats("consume"), "--secret-key", secret, "--http-addr", "127.0.0.1:0",
		"--public-base-url", "https://calls.example.com", "--twilio-api-url", "http://" + twilio, "--twilio-events-url", "http://" + twilio,
		"--openai-base-url", "http://" + twilio + "/v1", "--openai-api-key", "any", "--log-level", "error",
	}, store...)
	for _, names := range [][]string{{"calls", "messages"}, {"recorder"}, {"archiver"}, {"archiver"}, {"transcriber"}, {"reaper"}} {
		role(t, append(append([]string{"consume"}, names...), consume...)...)
	}
	role(t, "simulate", "--addr", twilio, "--target", "https://calls.example.com", "--dial", ingress, "--org", org,
		"--twilio-account-sid", account, "--twilio-auth-token", token, "--numbers", number, "--calls", "20", "--rate", "20", "--speed", "20")

	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !hasReceipt(deadline, t, "http://"+console+"/api/calls?recorded=true", apiKey) {
		select {
		case <-deadline.Done():
			t.Fatal("no call came to its deletion receipt")
		case <-time.After(100 * time.Millisecond):
		}
	}
	operate(t, "http://"+console, openDatabase(t, database, secret))
	if status, output := run(t, "streams", "ls", "--nats-url", nats("operate")); status != 0 || !strings.Contains(output, "transcriber") {
		t.Errorf("streams ls: %d\n%s", status, output)
	}
}

// organization makes an organization with recording on and returns its id and
// an API key.
func organization(t *testing.T, database, secret, account, token, number string) (org, apiKey string) {
	t.Helper()
	db := openDatabase(t, database, secret)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	org, err := db.CreateOrganization(t.Context(), "Roles")
	check(err)
	check(db.SaveTwilioAccount(t.Context(), schema.Account{
		OrganizationID: org, AccountSID: account, AuthTokens: []string{token}, TranscriptionEnabled: true,
		Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}))
	check(db.AddPhoneNumber(t.Context(), org, number))
	check(db.SetRecordingEnabled(t.Context(), org, true))
	apiKey, err = db.CreateAPIKey(t.Context(), org, "test", []string{"read", "update"})
	check(err)
	return org, apiKey
}

// hasReceipt reports whether a call of the list has a deletion receipt.
func hasReceipt(ctx context.Context, t *testing.T, url, key string) bool {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false // not listening yet
	}
	defer func() { _ = response.Body.Close() }()
	var page struct{ Calls []schema.CallRecord }
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil {
		return false
	}
	for _, call := range page.Calls {
		for _, r := range call.Recordings {
			if r.Receipt != nil {
				return true
			}
		}
	}
	return false
}
