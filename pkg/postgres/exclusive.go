package postgres

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"time"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

const (
	turnPoll  = 100 * time.Millisecond // between two looks at whether it is our turn
	lockProbe = time.Second            // between two looks at whether the lock's connection still stands
	lockReply = 5 * time.Second        // after which a silent server counts as gone
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
	var held bool
	unlock := conn.QueryRowContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, name).Scan(&held)
	if unlock != nil || !held {
		return schema.Errorf(schema.Unavailable, "the lock on %s was lost on the way; do it again: %w", name, errors.Join(unlock, err))
	}
	return err
}

// awaitTurn takes the lock, asking for it again and again: a server that is
// asked to wait answers nobody else on the connection, not even who gives up.
func awaitTurn(ctx context.Context, conn *sql.Conn, name string) error {
	tick := time.NewTicker(turnPoll)
	defer tick.Stop()
	for {
		var taken bool
		// Its end is bounded by lockReply, not by ctx: a question that is broken
		// off would cost the connection.
		err := conn.QueryRowContext(context.WithoutCancel(ctx), `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, name).Scan(&taken)
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
			if err := conn.PingContext(context.WithoutCancel(ctx)); err != nil {
				cancel(classify("keep the lock", err))
				return
			}
		}
	}()
	return fn(ctx)
}

// openLocks opens the connections that hold locks, apart from all others: a
// lock is held for as long as its work takes, and the work needs connections.
func openLocks(connector *pq.Connector) *sql.DB {
	connector.Dialer(impatient{})
	locks := sql.OpenDB(connector)
	locks.SetMaxOpenConns(maxLocks)
	locks.SetMaxIdleConns(0)
	return locks
}

// impatient dials connections of which no read waits longer than lockReply: the
// driver itself interrupts none.
type impatient struct{ net.Dialer }

// DialTimeout satisfies the driver's interface.
func (d impatient) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// Dial satisfies the driver's interface.
func (d impatient) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialContext connects.
func (d impatient) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return impatientConn{conn}, nil
}

type impatientConn struct{ net.Conn }

// Read gives up after lockReply.
func (c impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(lockReply)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}
