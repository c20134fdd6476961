package stream_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// hollow listens where a server should be and treats each connection as given.
func hollow(t *testing.T, treat func(net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			treat(c)
		}
	}()
	return "nats://" + l.Addr().String()
}

// A server that is starting, hangs or has no address yet is worth waiting for;
// it must not look like a configuration that never works.
func TestAServerThatDoesNotAnswerIsAwayAndNotMisconfigured(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"hangs up":  hollow(t, func(c net.Conn) { _ = c.Close() }),
		"is silent": hollow(t, func(c net.Conn) { t.Cleanup(func() { _ = c.Close() }) }),
	}
	for name, url := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := stream.Connect(t.Context(), stream.Config{URL: url}); schema.CodeOf(err) != schema.Unavailable {
				t.Errorf("connect: %v (%s), want unavailable", err, schema.CodeOf(err))
			}
		})
	}
}

// guarded starts a server on the port that lets one password in, and returns
// the port it listens on.
func guarded(t *testing.T, port int, password string) (*server.Server, int) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, Username: "callstream", Password: password,
		NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS did not start")
	}
	return s, s.Addr().(*net.TCPAddr).Port
}

// While credentials are rotated a server may refuse ours for a while. A
// connection that gave up then would stay away until somebody restarts us.
func TestAConnectionOutlivesRefusedCredentials(t *testing.T) {
	t.Parallel()
	good, port := guarded(t, server.RANDOM_PORT, "right")
	conn := streamtest.Connect(t, stream.Config{URL: "nats://callstream:right@" + good.Addr().String()})
	if _, err := stream.Connect(t.Context(), stream.Config{URL: "nats://callstream:wrong@" + good.Addr().String()}); schema.CodeOf(err) != schema.Unauthorized {
		t.Errorf("connect with a wrong password: %v, want unauthorized", err)
	}
	good.Shutdown()
	good.WaitForShutdown()
	other, _ := guarded(t, port, "another")
	streamtest.Await(t, "refusals", func(context.Context) bool { return refusals(t, other) > 3 })
	other.Shutdown()
	other.WaitForShutdown()
	guarded(t, port, "right")
	streamtest.Await(t, "the connection's return", func(ctx context.Context) bool {
		_, err := conn.Provision(ctx, streamtest.Settings(), nil)
		return err == nil
	})
	if err := conn.Publish(t.Context(), streamtest.Answered(1)); err != nil {
		t.Errorf("publish after the return: %v", err)
	}
}

// refusals counts the connections that the server has seen and closed.
func refusals(t *testing.T, s *server.Server) int {
	t.Helper()
	closed, err := s.Connz(&server.ConnzOptions{State: server.ConnClosed})
	if err != nil {
		t.Fatal(err)
	}
	return closed.Total
}
