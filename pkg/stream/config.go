package stream

import (
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Config says how to reach NATS.
type Config struct {
	URL         string // nats:// or tls://, comma separated
	CredsFile   string // empty: by the URL's user, or none
	CAFile      string // who signed the servers' certificates; empty: the system's
	CertFile    string // client certificate, with KeyFile
	KeyFile     string
	Name        string // as the server's tools show it
	InboxPrefix string // empty: _INBOX; one per role where roles may not read each other's answers

	// InProcess is a server in this process; URL is then ignored.
	InProcess  interface{ InProcessConn() (net.Conn, error) }
	Logger     *slog.Logger          // nil: silence
	Registerer prometheus.Registerer // nil: the metrics are not exposed
	Tracer     trace.Tracer          // nil: no spans; see [TraceOf]

	// Later has Connect return also when no server answers, and the connection
	// made when one does: for who has other work than NATS.
	Later bool
}

// connectTimeout bounds one attempt at one server.
const connectTimeout = 3 * time.Second

// options returns what nats.go needs to connect as c says, without the
// handlers of events.
func (c Config) options() []nats.Option {
	options := []nats.Option{
		nats.Name(c.Name),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // or two refusals, as while credentials rotate, end the connection for good
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 500*time.Millisecond),
		nats.PingInterval(20 * time.Second), // a silent network is noticed within a minute
	}
	if c.Later {
		options = append(options, nats.RetryOnFailedConnect(true))
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.CAFile != "" {
		options = append(options, nats.RootCAs(c.CAFile))
	}
	if c.CertFile != "" || c.KeyFile != "" {
		options = append(options, nats.ClientCert(c.CertFile, c.KeyFile))
	}
	if c.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(c.InboxPrefix))
	}
	if c.InProcess != nil {
		options = append(options, nats.InProcessServer(c.InProcess))
	}
	return options
}
