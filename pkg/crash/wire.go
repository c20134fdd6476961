package crash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// errKilled ends a connection whose process was killed over it.
var errKilled = errors.New("the process was killed")

// Wire is a way to a server on which steps are seen.
type Wire struct {
	listener net.Listener
	upstream string
	speak    func(*Trap) protocol
	trap     *Trap
	conns    sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc
}

// protocol follows both directions of one connection. Each returns at the end
// of from, or with [errKilled].
type protocol interface {
	requests(to *bufio.Writer, from *bufio.Reader) error
	answers(to *bufio.Writer, from *bufio.Reader) error
}

// Postgres returns a way to a server that speaks Postgres' protocol, version 3,
// without TLS.
func Postgres(upstream string, trap *Trap) (*Wire, error) {
	return newWire(upstream, trap, func(t *Trap) protocol { return &postgres{trap: t, prepared: map[string]string{}} })
}

// NATS returns a way to a server that speaks NATS' protocol, without TLS.
func NATS(upstream string, trap *Trap) (*Wire, error) {
	return newWire(upstream, trap, func(t *Trap) protocol { return &nats{trap: t, awaited: map[string]string{}} })
}

// newWire listens on loopback until the wire is closed.
func newWire(upstream string, trap *Trap, speak func(*Trap) protocol) (*Wire, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	w := &Wire{listener: listener, upstream: upstream, speak: speak, trap: trap}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.conns.Go(w.accept)
	return w, nil
}

// Addr returns where the wire is entered, HOST:PORT.
func (w *Wire) Addr() string { return w.listener.Addr().String() }

// Close ends the wire and its connections.
func (w *Wire) Close() {
	w.cancel()
	_ = w.listener.Close()
	w.conns.Wait()
}

func (w *Wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.conns.Go(func() { w.carry(client) })
	}
}

// carry carries one connection until both sides have ended it.
func (w *Wire) carry(client net.Conn) {
	defer func() { _ = client.Close() }()
	var dialer net.Dialer
	server, err := dialer.DialContext(w.ctx, "tcp", w.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	defer context.AfterFunc(w.ctx, func() { _ = client.Close(); _ = server.Close() })()
	p := w.speak(w.trap)
	var ways sync.WaitGroup
	ways.Go(func() {
		_ = p.requests(bufio.NewWriter(server), bufio.NewReader(client))
		// The server hears the end in its place, after all that came before it.
		halfClose(server)
	})
	ways.Go(func() {
		err := p.answers(bufio.NewWriter(client), bufio.NewReader(server))
		_ = client.Close() // so that the other way ends too
		if errors.Is(err, errKilled) {
			_, _ = io.Copy(io.Discard, server)
		}
	})
	ways.Wait()
}

// lastWords is how long a server may take to end what its client has ended.
const lastWords = 10 * time.Second

// halfClose says that nothing more comes, and still hears answers. Closed at
// once, a socket with unread answers would take back what the server has yet to
// read.
func halfClose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(lastWords))
}

// flush sends what was written, unless more is about to follow.
func flush(to *bufio.Writer, from *bufio.Reader) error {
	if from.Buffered() > 0 {
		return nil
	}
	return to.Flush()
}
