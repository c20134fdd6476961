package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/loquent/callstream/schema"
)

const (
	turnPoll  = 100 * time.Millisecond // between two looks at whether it is our turn
	lockProbe = time.Second            // between two looks at whether the lock's connection still stands
	lockReply = 3 * time.Second        // after which a silent server counts as gone
	maxLocks  = 32                     // held and waited for at once by a process
)

// Exclusive runs fn while nobody else, in whatever process, runs one under the
// same name, and returns what fn returns. It waits for its turn within ctx, in
// no particular order, and gives up with [schema.Conflict]. The lock is a
// connection's: it ends with the process, however that ends. A connection that
// is lost ends fn's ctx within seconds, and the result is
// [schema.Unavailable] then, whatever fn returned: somebody else may have
// begun. So a nil says that fn was alone to its end. A pooler in between must
// pool by session.
func (d *DB) Exclusive(ctx context.Context, name string, fn func(context.Context) error) error {
	conn, err := d.locks.Conn(ctx)
	if err != nil {
		return classify("connect to lock "+name, err)
	}
	// The pool keeps no connection: closing ends the session, and any lock of its.
	defer func() { _ = conn.Close() }()
	if err := awaitTurn(ctx, conn, name); err != nil {
		return err
	}
	err = guarded(ctx, conn, fn)
	held, unlock := ask(ctx, conn, `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, name)
	if unlock != nil || !held {
		return schema.Errorf(schema.Unavailable, "the lock on %s was lost on the way; do it again: %w", name, errors.Join(unlock, err))
	}
	return err
}

// ask puts a question about the lock called name. It is answered within
// lockReply or not at all: one that is broken off with ctx would cost the
// connection, and the lock with it.
func ask(ctx context.Context, conn *sql.Conn, question, name string) (answer bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockReply)
	defer cancel()
	err = conn.QueryRowContext(ctx, question, name).Scan(&answer)
	return answer, err
}

// awaitTurn takes the lock, asking for it again and again: a server that is
// asked to wait answers nothing else on the connection meanwhile.
func awaitTurn(ctx context.Context, conn *sql.Conn, name string) error {
	tick := time.NewTicker(turnPoll)
	defer tick.Stop()
	for {
		taken, err := ask(ctx, conn, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, name)
		if err != nil {
			return classify("lock "+name, err)
		}
		if taken {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return schema.Errorf(schema.Conflict, "somebody else is at %s; try again when they are done: %w", name, ctx.Err())
		}
	}
}

// guarded runs fn with a ctx that ends when the connection does not answer any
// more.
func guarded(ctx context.Context, conn *sql.Conn, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	done, stopped := make(chan struct{}), make(chan struct{})
	defer func() { // the connection is the caller's again when this returns
		close(done)
		<-stopped
		cancel(nil)
	}()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(lockProbe)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if err := probe(ctx, conn); err != nil {
				cancel(classify("keep the lock", err))
				return
			}
		}
	}()
	return fn(ctx)
}

// probe asks whether the connection stands.
func probe(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockReply)
	defer cancel()
	return conn.PingContext(ctx)
}

// openLocks opens the connections that hold locks, apart from all others: a
// lock is held for as long as its work takes, and the work needs connections.
func openLocks(c connector) *sql.DB {
	locks := sql.OpenDB(c)
	locks.SetMaxOpenConns(maxLocks)
	locks.SetMaxIdleConns(0)
	return locks
}
