package streamtest

import (
	"context"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// patience bounds every wait of this package; a test that reaches it has
// failed.
const patience = time.Minute

// New returns a connection to a fresh server in this process, with the streams
// and the given durables provisioned. Both end with the test.
func New(t testing.TB, durables ...stream.Durable) *stream.Conn {
	t.Helper()
	conn := Connect(t, stream.Config{InProcess: Start(t).InProcess()})
	if _, err := conn.Provision(t.Context(), Settings(), durables); err != nil {
		t.Fatalf("provision: %v", err)
	}
	return conn
}

// Connect returns a connection that ends with the test.
func Connect(t testing.TB, config stream.Config) *stream.Conn {
	t.Helper()
	if config.Name == "" {
		config.Name = t.Name()
	}
	conn, err := stream.Connect(t.Context(), config)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

// Settings are the streams' settings in tests: as by default, but small.
func Settings() stream.Settings {
	s := stream.DefaultSettings(1)
	s.CallsMaxBytes, s.DeadLettersMaxBytes = 256<<20, 64<<20
	return s
}

// DeadLetters waits until there are n dead letters and returns them, newest
// first.
func DeadLetters(t testing.TB, conn *stream.Conn, n int) []schema.DeadLetter {
	t.Helper()
	var letters []schema.DeadLetter
	Await(t, "dead letters", func(ctx context.Context) bool {
		var err error
		letters, err = conn.LatestDeadLetters(ctx, n)
		return err == nil && len(letters) == n
	})
	return letters
}

// Drained waits until the durable has nothing pending and nothing in flight.
func Drained(t testing.TB, conn *stream.Conn, durable string) {
	t.Helper()
	Await(t, "drained durable "+durable, func(ctx context.Context) bool {
		pending, inFlight, err := conn.Lag(ctx, durable)
		return err == nil && pending+inFlight == 0
	})
}

// Await asks again and again until the answer is yes; for what gives no signal.
func Await(t testing.TB, what string, yes func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !yes(ctx) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// Run runs the runner until the returned function is called or the test ends;
// either fails the test if the runner ends with an error.
func Run(t testing.TB, config stream.RunnerConfig) (stop func()) {
	t.Helper()
	runner, err := stream.NewRunner(config)
	if err != nil {
		t.Fatalf("new runner: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runner.Run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}
