package cli_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// nodes are NATS servers, each a process of its own.
type nodes struct {
	t       *testing.T
	dir     string
	files   []string
	clients []string
	running []*exec.Cmd
	js      jetstream.JetStream
	rested  map[string]int64 // bytes of files that are on disk, whoever synced them
}

// newNodes starts three that fsync before they acknowledge, as callstream wants
// it.
func newNodes(t *testing.T) *nodes { t.Helper(); return startNodes(t, 3, "always", (*nodes).begin) }

// startNodes starts so many, each by begin, and returns when they take streams.
// More than one form a cluster.
func startNodes(t *testing.T, count int, syncInterval string, begin func(*nodes, int)) *nodes {
	t.Helper()
	n := &nodes{t: t, dir: t.TempDir(), clients: freeAddresses(t, count), running: make([]*exec.Cmd, count), rested: map[string]int64{}}
	routes := freeAddresses(t, count)
	for i := range count {
		file := filepath.Join(n.dir, fmt.Sprintf("n%d.conf", i))
		config := fmt.Sprintf("server_name: n%d\nlisten: %q\nmax_payload: 4MB\njetstream {\n  store_dir: %q\n  sync_interval: %s\n  max_file_store: 20GB\n}\n",
			i, n.clients[i], n.store(i), syncInterval)
		if count > 1 {
			config += fmt.Sprintf("cluster {\n  name: faults\n  listen: %q\n  routes: [\"nats://%s\"]\n}\n", routes[i], strings.Join(routes, `", "nats://`))
		}
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		n.files = append(n.files, file)
		begin(n, i)
	}
	n.await()
	return n
}

// store is the folder in which a node keeps its streams.
func (n *nodes) store(i int) string { return filepath.Join(n.dir, fmt.Sprint("store", i)) }

// await waits until the nodes take streams.
func (n *nodes) await() {
	t := n.t
	t.Helper()
	nc, err := nats.Connect(n.url(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if n.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	within(t, "the nodes take no streams", func() bool {
		config := jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: len(n.files)}
		if _, err := n.js.CreateOrUpdateStream(t.Context(), config); err != nil {
			return false
		}
		return n.js.DeleteStream(t.Context(), "READY") == nil
	})
}

func (n *nodes) url() string { return "nats://" + strings.Join(n.clients, ",nats://") }

// begin starts a node.
func (n *nodes) begin(i int) {
	n.t.Helper()
	n.running[i] = process(n.t, "bench", "--serve", "nats:"+n.files[i])
}

// kill kills nodes at once, and returns what starts them again.
func (n *nodes) kill(which ...int) (start func()) {
	for _, i := range which {
		_ = n.running[i].Process.Kill()
	}
	for _, i := range which {
		_ = n.running[i].Wait()
	}
	return func() {
		for _, i := range which {
			n.begin(i)
		}
	}
}

// leader returns the node that leads CALLS.
func (n *nodes) leader() (leader int) {
	n.t.Helper()
	within(n.t, "CALLS has no leader", func() bool {
		calls, err := n.js.Stream(n.t.Context(), schema.StreamCalls)
		if err != nil || calls.CachedInfo().Cluster == nil {
			return false
		}
		_, err = fmt.Sscanf(calls.CachedInfo().Cluster.Leader, "n%d", &leader)
		return err == nil
	})
	return leader
}

// move has CALLS and every durable led by other nodes.
func (n *nodes) move() {
	n.t.Helper()
	subjects := []string{"$JS.API.STREAM.LEADER.STEPDOWN." + schema.StreamCalls}
	for _, name := range consumers.Names() {
		subjects = append(subjects, "$JS.API.CONSUMER.LEADER.STEPDOWN."+schema.StreamCalls+"."+name)
	}
	for _, subject := range subjects {
		answer, err := n.js.Conn().Request(subject, nil, limit)
		if err != nil || strings.Contains(string(answer.Data), `"error"`) {
			n.t.Errorf("%s: %v %s", subject, err, answer.Data)
		}
	}
}

// startNATS starts the broker, connects to it past the wire, and returns the
// address by which roles reach it.
func (w *faulty) startNATS(s storm) (address string) {
	w.Helper()
	var direct string
	if s.nodes != nil {
		w.cluster = s.nodes(w.T)
		address, direct = w.cluster.url(), w.cluster.url()
	} else {
		server := streamtest.Start(w.T)
		w.broker, direct = server, server.URL()
		w.nats = newWire(w.T, hostOf(w.T, direct))
		address = (&url.URL{Scheme: "nats", Host: w.nats.addr()}).String()
	}
	var err error
	if w.conn, err = stream.Connect(w.Context(), stream.Config{URL: direct, Name: "test"}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = w.conn.Close(context.Background()) })
	return address
}
