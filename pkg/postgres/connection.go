package postgres

import (
	"context"
	"database/sql/driver"
	"net"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/loquent/callstream/schema"
)

const (
	// lastWord is how long the server has to answer when the context of a
	// statement has ended. The driver asks it then to cancel the statement, but
	// a request that comes before the statement does cancels nothing, and to a
	// server that is silent none comes: the driver itself would wait on.
	lastWord = time.Second

	cancelTime = 10 * time.Second // for a request to cancel
)

// connector makes connections on which no statement outlives its context by
// more than lastWord.
type connector struct{ *pq.Connector }

func newConnector(url string) (connector, error) {
	config, err := pq.NewConfig(url)
	if err != nil {
		return connector{}, invalidURL()
	}
	// A statement and its arguments go out together: one round trip, where the
	// driver otherwise prepares each statement for its single use.
	config.BinaryParameters = true
	c, err := pq.NewConnectorConfig(config)
	if err != nil {
		return connector{}, invalidURL()
	}
	c.Dialer(&dialer{})
	return connector{c}, nil
}

// Connect connects and logs in.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	attempt := &dialing{ctx: ctx}
	made, err := c.Connector.Connect(context.WithValue(ctx, dialingKey{}, attempt))
	if err != nil {
		return nil, err
	}
	conn, ok := made.(session)
	if !ok || attempt.wire == nil {
		_ = made.Close()
		return nil, schema.Errorf(schema.Internal, "the driver's connections are not what they were: %T", made)
	}
	return connection{conn, attempt.wire}, nil
}

// session is what the driver's connections can do.
type session interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// connection is a session that tells its wire whose context it works for. Rows
// that are read later, commit and rollback are part of what was begun last.
type connection struct {
	session
	wire *wire
}

func (c connection) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.wire.serve(ctx)
	return c.session.QueryContext(ctx, query, args)
}

func (c connection) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.wire.serve(ctx)
	return c.session.ExecContext(ctx, query, args)
}

func (c connection) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.wire.serve(ctx)
	return c.session.BeginTx(ctx, opts)
}

func (c connection) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.wire.serve(context.WithoutCancel(ctx)) // what is prepared may be used after ctx
	return c.session.PrepareContext(ctx, query)
}

func (c connection) Ping(ctx context.Context) error {
	c.wire.serve(ctx)
	return c.session.Ping(ctx)
}

// wire is a network connection that gives up reading when the context that it
// serves has ended.
type wire struct {
	net.Conn
	mu     sync.Mutex
	served int // counts the contexts, so that one that ends late ends no other's reading
	stop   func() bool
}

// serve makes ctx the one that counts, in place of the one before.
func (w *wire) serve(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop != nil {
		w.stop()
	}
	w.served++
	this := w.served
	_ = w.SetReadDeadline(time.Time{}) // on a closed one the statement fails by itself
	w.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.served == this {
			_ = w.SetReadDeadline(time.Now().Add(lastWord))
		}
	})
}

// dialing is a Connect on its way; the driver may dial several hosts for it.
type dialing struct {
	ctx  context.Context
	wire *wire
}

type dialingKey struct{}

// dialer makes wires for the driver. Whatever it dials outside of Connect is for
// a request to cancel.
type dialer struct{ net.Dialer }

// DialContext connects.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	attempt, ok := ctx.Value(dialingKey{}).(*dialing)
	if !ok {
		return conn, conn.SetDeadline(time.Now().Add(cancelTime))
	}
	attempt.wire = &wire{Conn: conn}
	attempt.wire.serve(attempt.ctx)
	return attempt.wire, nil
}

// DialTimeout is asked of a dialer by the driver, which calls DialContext.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}
