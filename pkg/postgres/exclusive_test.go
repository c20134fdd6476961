package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loquent/callstream/pkg/postgres"
	"github.com/loquent/callstream/schema"
)

// holders counts who holds an advisory lock of the database.
const holders = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// Many processes want to do a thing at once: each does it, one after the other.
func TestWorkIsExclusive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.opened(oldKey) // another process
	var inside, done atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		db := []*postgres.DB{w.DB, other}[i%2]
		all.Go(func() {
			err := db.Exclusive(t.Context(), "sinks of one", func(ctx context.Context) error {
				if inside.Add(1) != 1 {
					t.Error("two are at it at once")
				}
				err := db.Ping(ctx) // gives the others a chance to come in
				inside.Add(-1)
				done.Add(1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if done.Load() != 8 || read[int](w, holders) != 0 {
		t.Errorf("%d did it, %d locks are left", done.Load(), read[int](w, holders))
	}
}

// What fn returns is what comes of it, and the next has its turn, even after a
// panic.
func TestExclusiveWorkThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	broken := schema.Errorf(schema.Refused, "no")
	if err := w.Exclusive(t.Context(), "x", func(context.Context) error { return broken }); !errors.Is(err, broken) || err.Error() != "no" {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = w.Exclusive(t.Context(), "x", func(context.Context) error { panic("no") })
	}()
	ctx, cancel := context.WithCancel(t.Context())
	err := w.Exclusive(ctx, "x", func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return nil // finished what it was at
	})
	must(t, err)
	must(t, w.Exclusive(t.Context(), "x", func(context.Context) error { return nil }))
}

// Whoever waits gives up with its context and learns why; another name does not
// wait, and neither does any other use of the database.
func TestWaitingForATurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, err := postgres.Open(t.Context(), w.url, postgres.Options{MaxConns: 1}) // all its own: locks take none
	must(t, err)
	t.Cleanup(one.Close)
	err = w.Exclusive(t.Context(), "x", func(ctx context.Context) error {
		var waiting sync.WaitGroup
		short, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
		defer cancel()
		for range 3 {
			waiting.Go(func() {
				err := one.Exclusive(short, "x", func(context.Context) error {
					t.Error("came in")
					return nil
				})
				wantCode(t, err, schema.Conflict)
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "somebody else is at x") {
					t.Errorf("got %v", err)
				}
			})
		}
		nested := one.Exclusive(ctx, "y", func(ctx context.Context) error { return one.Ping(ctx) })
		waiting.Wait()
		return nested
	})
	must(t, err)
}

// The connection of the lock is cut: whoever works learns it, and nobody is
// told that the work was exclusive to its end.
func TestALockThatIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]func(context.Context) error{
		"noticed":   func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
		"ignored":   func(ctx context.Context) error { <-ctx.Done(); return nil },
		"unnoticed": func(context.Context) error { return nil },
	} {
		err := w.Exclusive(t.Context(), name, func(ctx context.Context) error {
			w.exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
			return c(ctx)
		})
		wantCode(t, err, schema.Unavailable)
		if err == nil || !strings.Contains(err.Error(), "the lock on "+name+" was lost") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, w.Exclusive(t.Context(), name, func(context.Context) error { return nil }))
	}
}

// A server that falls silent, which the driver would wait for without end, is
// as good as one that is gone.
func TestALockOfASilentServer(t *testing.T) {
	t.Parallel()
	proxied, silence := silenceable(t, newWorld(t).url)
	db, err := postgres.Open(t.Context(), proxied, postgres.Options{})
	must(t, err)
	t.Cleanup(db.Close)
	err = db.Exclusive(t.Context(), "x", func(ctx context.Context) error {
		silence()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	wantCode(t, err, schema.Unavailable)
}

// A process that dies takes its lock with it: the server ends its connection.
func TestALockEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.opened(oldKey)
	entered, leave := make(chan struct{}), make(chan struct{})
	result := make(chan error, 1)
	go func() {
		result <- other.Exclusive(context.Background(), "x", func(context.Context) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	if n := read[int](w, holders); n != 1 {
		t.Errorf("%d hold it", n)
	}
	w.exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	must(t, w.Exclusive(t.Context(), "x", func(context.Context) error { return nil }))
	close(leave)
	wantCode(t, <-result, schema.Unavailable)
}

// Nothing of a lock outlives its work: no routine, no session.
func TestALockLeavesNothingBehind(t *testing.T) {
	w := newWorld(t)
	ignore := goleak.IgnoreCurrent()
	sessions := read[int](w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()`)
	for i := range 3 {
		must(t, w.Exclusive(t.Context(), fmt.Sprint("x", i), func(context.Context) error { return nil }))
	}
	goleak.VerifyNone(t, ignore)
	for read[int](w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()`) > sessions {
		must(t, t.Context().Err()) // a session ends a moment after its connection
	}
}
