package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

func startNATS(t *testing.T, options NATSOptions) *NATS {
	t.Helper()
	options.Logger = testLog(t)
	server, err := StartNATS(limited(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func connect(t *testing.T, server *NATS) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestStreamSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := limited(t)
	first := startNATS(t, NATSOptions{Dir: dir})
	js := connect(t, first)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "CALLS", Subjects: []string{"call"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "call", []byte("answered")); err != nil {
		t.Fatal(err)
	}
	first.Stop()
	stream, err := connect(t, startNATS(t, NATSOptions{Dir: dir})).Stream(ctx, "CALLS")
	if err != nil {
		t.Fatal(err)
	}
	message, err := stream.GetMsg(ctx, 1)
	if err != nil || string(message.Data) != "answered" {
		t.Errorf("after the restart: %v, %v", message, err)
	}
}

func TestAcknowledgedMessagesSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publisher := play(t, "nats", dir)
	var acknowledged []string
	for range 200 {
		acknowledged = append(acknowledged, publisher.line(t))
	}
	publisher.kill()
	ctx := limited(t)
	stream, err := connect(t, startNATS(t, NATSOptions{Dir: dir})).Stream(ctx, "CALLS")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range acknowledged {
		message, err := stream.GetMsg(ctx, uint64(i+1))
		if err != nil || string(message.Data) != want {
			t.Fatalf("message %d: %v, %v; want %s", i+1, message, err, want)
		}
	}
}

func TestListeningServerAsksOthersForThePassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startNATS(t, NATSOptions{Dir: dir, Listen: "127.0.0.1:0"})
	connect(t, server) // within the process: none needed
	conn, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatalf("connect with the URL: %v", err)
	}
	conn.Close()
	anonymous := "nats://" + server.URL()[strings.Index(server.URL(), "@")+1:]
	for _, url := range []string{anonymous, strings.Replace(anonymous, "//", "//callstream:wrong@", 1)} {
		if _, err := nats.Connect(url); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("connect to %s: %v, want an authorization error", url, err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "nats", "password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info.Mode(), err)
	}
}

func TestServerListensOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	server := startNATS(t, NATSOptions{Dir: t.TempDir()})
	if server.URL() != "" || server.server.Addr() != nil {
		t.Errorf("listens on %q, %v", server.URL(), server.server.Addr())
	}
}

// The server's own answer to both is to end the process.
func TestFailedStartIsAnError(t *testing.T) {
	t.Parallel()
	blocked := t.TempDir()
	if err := os.MkdirAll(filepath.Join(blocked, "nats"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(blocked, "nats", "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := startNATS(t, NATSOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	for name, options := range map[string]NATSOptions{
		"the store is no folder": {Dir: blocked},
		"the port is taken":      {Dir: t.TempDir(), Listen: taken.server.Addr().String()},
	} {
		server, err := StartNATS(limited(t), options)
		if schema.CodeOf(err) != schema.Unavailable {
			t.Errorf("%s: %v, want unavailable", name, err)
		}
		if server != nil {
			t.Errorf("%s: a server is left", name)
		}
	}
}

func TestUnusableAddressIsInvalid(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"4222", "127.0.0.1:nats"} {
		if _, err := StartNATS(limited(t), NATSOptions{Dir: t.TempDir(), Listen: listen}); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("listen on %q: %v, want invalid", listen, err)
		}
	}
}

// A disk that fills up with recordings must not take back what streams were
// promised: JetStream then refuses to change them at all.
func TestStoreLimitNeverShrinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := storeLimit(dir)
	if err != nil || first <= 0 {
		t.Fatalf("first limit %d, %v", first, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "limit"), []byte("9000000000000000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again, err := storeLimit(dir); err != nil || again != 9e18 {
		t.Errorf("later limit %d, %v", again, err)
	}
}
