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

// nodes are NATS servers, each a process of its own, that form a cluster and
// fsync before they acknowledge.
type nodes struct {
	t       *testing.T
	files   []string
	clients []string
	running []*exec.Cmd
	js      jetstream.JetStream
}

// newNodes starts three, and returns when they take streams.
func newNodes(t *testing.T) *nodes {
	t.Helper()
	const three = 3
	n := &nodes{t: t, clients: freeAddresses(t, three), running: make([]*exec.Cmd, three)}
	routes, dir := freeAddresses(t, three), t.TempDir()
	for i := range three {
		file := filepath.Join(dir, fmt.Sprintf("n%d.conf", i))
		config := fmt.Sprintf("server_name: n%d\nlisten: %q\nmax_payload: 4MB\njetstream {\n  store_dir: %q\n  sync_interval: always\n  max_file_store: 20GB\n}\n"+
			"cluster {\n  name: faults\n  listen: %q\n  routes: [\"nats://%s\"]\n}\n",
			i, n.clients[i], filepath.Join(dir, fmt.Sprint(i)), routes[i], strings.Join(routes, `", "nats://`))
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		n.files = append(n.files, file)
		n.begin(i)
	}
	nc, err := nats.Connect(n.url(), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if n.js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	within(t, "the nodes take no streams", func() bool {
		config := jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: three}
		if _, err := n.js.CreateOrUpdateStream(t.Context(), config); err != nil {
			return false
		}
		return n.js.DeleteStream(t.Context(), "READY") == nil
	})
	return n
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
