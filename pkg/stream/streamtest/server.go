package streamtest

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a NATS server with JetStream in this process. Acknowledgements come
// before fsync: tests do not survive power cuts.
type Server struct {
	t       testing.TB
	options server.Options
	running *server.Server
}

// Start starts a server that listens on a loopback port and stops with the
// test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := newServer(t, "alone")
	s.start()
	s.ready()
	return s
}

// Cluster starts three servers that form a cluster, and returns them once
// JetStream has a leader.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	servers := make([]*Server, 3)
	routes := make([]*url.URL, len(servers))
	for i := range routes {
		routes[i] = &url.URL{Scheme: "nats-route", Host: freeAddr(t)}
	}
	for i := range servers {
		s := newServer(t, fmt.Sprintf("node%d", i))
		port, _ := strconv.Atoi(routes[i].Port())
		s.options.Cluster = server.ClusterOpts{Name: "callstream", Host: "127.0.0.1", Port: port}
		s.options.Routes = routes
		s.start()
		servers[i] = s
	}
	for _, s := range servers {
		s.ready()
	}
	awaitLeader(t, servers)
	return servers
}

func newServer(t testing.TB, name string) *Server {
	t.Helper()
	return &Server{t: t, options: server.Options{
		ServerName: name, Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 16 << 30, JetStreamMaxMemory: 64 << 20,
		NoLog: true, NoSigs: true,
	}}
}

func (s *Server) start() {
	s.t.Helper()
	options := s.options // the server keeps and changes what it is given
	running, err := server.NewServer(&options)
	if err != nil {
		s.t.Fatalf("configure NATS: %v", err)
	}
	running.Start()
	s.running = running
	s.t.Cleanup(s.Stop)
}

func (s *Server) ready() {
	s.t.Helper()
	if !s.running.ReadyForConnections(patience) || !s.running.JetStreamEnabled() {
		s.t.Fatal("NATS did not start")
	}
	if addr, ok := s.running.Addr().(*net.TCPAddr); ok {
		s.options.Port = addr.Port // for the next start
	}
}

// InProcess gives connections that stay within the process.
func (s *Server) InProcess() nats.InProcessConnProvider { return s.running }

// URL returns the address for clients.
func (s *Server) URL() string { return s.running.ClientURL() }

// Stop stops the server as a crash would be seen by its clients, but for what
// it writes to disk.
func (s *Server) Stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

// Restart starts a stopped server on the same store and port.
func (s *Server) Restart() {
	s.t.Helper()
	s.start()
	s.ready()
}

// freeAddr returns a loopback address that nobody listens on: the nodes of a
// cluster have to know each other's before they start.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitLeader waits until every server knows who leads the cluster.
func awaitLeader(t testing.TB, servers []*Server) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		led, current := false, true
		for _, s := range servers {
			led = led || s.running.JetStreamIsLeader()
			current = current && s.running.JetStreamIsCurrent()
		}
		if led && current {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the cluster elected no leader")
		}
		<-time.After(20 * time.Millisecond)
	}
}
