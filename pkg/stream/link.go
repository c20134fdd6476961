package stream

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// link knows how the connection is, and logs what becomes of it.
type link struct {
	log    *slog.Logger
	closed chan struct{} // closed with the connection

	mu        sync.Mutex
	downSince time.Time     // zero while connected
	renewed   chan struct{} // closed at the next reconnect
}

func newLink(log *slog.Logger) *link {
	return &link{log: log, closed: make(chan struct{}), renewed: make(chan struct{})}
}

// options makes nats.go tell the link. The error handler is the only place
// where a publish or subscription that the server forbids shows: whoever made
// it sees a timeout.
func (l *link) options() []nats.Option {
	return []nats.Option{
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			l.log.Warn("nats", "error", err, "subject", subject)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.down(time.Now())
			if err != nil {
				l.log.Warn("nats disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			l.up()
			l.log.Info("nats reconnected", "server", nc.ConnectedServerName())
		}),
		nats.ClosedHandler(func(*nats.Conn) { close(l.closed) }),
	}
}

func (l *link) down(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.downSince.IsZero() {
		l.downSince = now
	}
}

func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.downSince = time.Time{}
	close(l.renewed)
	l.renewed = make(chan struct{})
}

// downFor returns how long the connection has been away, zero while it is up.
func (l *link) downFor(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.downSince.IsZero() {
		return 0
	}
	return max(now.Sub(l.downSince), 1)
}

// reconnect returns a channel that is closed at the next reconnect: a pull that
// was waiting then is lost and has to be made again.
func (l *link) reconnect() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.renewed
}
