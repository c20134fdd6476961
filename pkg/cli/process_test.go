package cli_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"crypto/rand"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/pkg/secrets"
	"github.com/loquent/callstream/pkg/stream"
)

// process runs a role as a process of its own until the test ends.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0], args...)
	child.Env = append(os.Environ(), asCommand+"=1")
	var output bytes.Buffer
	child.Stdout, child.Stderr = &output, &output
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		err := child.Wait()
		if t.Failed() {
			t.Logf("%s: %v\n%s", args[:2], err, output.String())
		}
	})
	return child
}

// serve serves handler on loopback and returns its address as a URL.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// spread returns the address of a balancer that hands requests to the given
// addresses in turn.
func spread(t *testing.T, addresses []string) string {
	t.Helper()
	var turn atomic.Uint64
	return serve(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL = &url.URL{
			Scheme: "http", Host: addresses[turn.Add(1)%uint64(len(addresses))],
			Path: r.In.URL.Path, RawPath: r.In.URL.RawPath, RawQuery: r.In.URL.RawQuery,
		}
		r.Out.Host = r.In.Host
	}})
}

// awaitReady waits until the role at the address says that it is ready.
func awaitReady(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is never ready: %v", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// idle reports whether the named durables have nothing left to do.
func idle(t *testing.T, nats string, durables ...string) bool {
	t.Helper()
	status, output := run(t, "streams", "ls", "--json", "--nats-url", nats)
	var info stream.Info
	if err := json.Unmarshal([]byte(output), &info); status != 0 || err != nil {
		t.Fatalf("streams ls: %d, %v\n%s", status, err, output)
	}
	for _, d := range info.Durables {
		if slices.Contains(durables, d.Name) && (d.Pending > 0 || d.AckPending > 0) {
			return false
		}
	}
	return true
}

// newKey returns a key for CALLSTREAM_SECRET_KEY.
func newKey(t *testing.T) string {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// openDatabase opens a database that is migrated already.
func openDatabase(t *testing.T, url, secret string) *postgres.DB {
	t.Helper()
	keyring, err := secrets.Parse(secret)
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), url, postgres.Options{Sealer: keyring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}
