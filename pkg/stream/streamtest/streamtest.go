// Package streamtest gives tests a real JetStream of their own, and a ledger
// and parking that live in memory.
package streamtest

import (
	"testing"

	"github.com/loquent/callstream/pkg/embedded/embeddedtest"
	"github.com/loquent/callstream/pkg/stream"
)

// New returns a connection to a fresh server in this process, with the streams
// and the given durables provisioned. Both end with the test.
func New(t testing.TB, durables ...stream.Durable) *stream.Conn {
	t.Helper()
	server := embeddedtest.NATS(t)
	conn, err := stream.Connect(t.Context(), stream.Config{Name: t.Name(), InProcess: server.InProcess()})
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	if _, err := conn.Provision(t.Context(), Settings(), durables); err != nil {
		t.Fatalf("provision: %v", err)
	}
	return conn
}

// Settings are the streams' settings in tests: as by default, but small.
func Settings() stream.Settings {
	s := stream.DefaultSettings(1)
	s.CallsMaxBytes, s.DeadLettersMaxBytes = 256<<20, 64<<20
	return s
}
