package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// broker says which NATS to measure on.
type broker struct {
	nodes  int
	always bool // fsync before each acknowledgement, callstream's default; else when the server thinks fit
}

// nodes are NATS servers that run.
type nodes struct {
	url   string
	roles []*role
}

func (n *nodes) stop() {
	for _, r := range n.roles {
		r.stop()
	}
}

// startBroker starts NATS servers, each a process of its own. Their addresses
// are known before they start, since each has to know all.
func (b *bench) startBroker(ctx context.Context, dir string, want broker) (*nodes, error) {
	clients, routes := make([]string, want.nodes), make([]string, want.nodes)
	for i := range want.nodes {
		var err, failed error
		clients[i], err = freeAddr(ctx)
		routes[i], failed = freeAddr(ctx)
		if err := errors.Join(err, failed); err != nil {
			return nil, err
		}
	}
	n := &nodes{url: "nats://" + strings.Join(clients, ",nats://")}
	for i := range want.nodes {
		path := filepath.Join(dir, fmt.Sprintf("node-%d.conf", i))
		if err := os.WriteFile(path, []byte(want.config(i, dir, clients, routes)), 0o600); err != nil {
			return nil, err
		}
		r, err := b.launch(nil, "bench", "--serve", "nats:"+path)
		if err != nil {
			n.stop()
			return nil, err
		}
		n.roles = append(n.roles, r)
	}
	if err := n.roles[0].await(ctx, func(ctx context.Context) bool { return answersJetStream(ctx, n.url) }); err != nil {
		n.stop()
		return nil, err
	}
	return n, nil
}

// config is one node's configuration file.
func (want broker) config(i int, dir string, clients, routes []string) string {
	interval := "2m" // the server's own default
	if want.always {
		interval = "always"
	}
	text := fmt.Sprintf("server_name: n%d\nlisten: %q\nmax_payload: 4MB\njetstream {\n  store_dir: %q\n  sync_interval: %s\n  max_file_store: 100GB\n}\n",
		i, clients[i], filepath.Join(dir, fmt.Sprintf("node-%d", i)), interval)
	if want.nodes > 1 {
		text += fmt.Sprintf("cluster {\n  name: bench\n  listen: %q\n  routes: [%q]\n}\n", routes[i], "nats://"+strings.Join(routes, `", "nats://`))
		text = strings.ReplaceAll(text, `\"`, `"`)
	}
	return text
}

// answersJetStream reports whether streams can be made.
func answersJetStream(ctx context.Context, url string) bool {
	nc, err := nats.Connect(url, nats.Timeout(200*time.Millisecond))
	if err != nil {
		return false
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	// A cluster says that it is there before it can place a stream.
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "READY", Subjects: []string{"ready"}, Replicas: strings.Count(url, ",") + 1})
	if err != nil {
		return false
	}
	return js.DeleteStream(ctx, "READY") == nil
}

// ServeNATS runs a NATS server by the configuration file until ctx ends.
func ServeNATS(ctx context.Context, file string, log *slog.Logger) error {
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		return schema.Errorf(schema.Invalid, "read %s: %w", file, err)
	}
	options.NoSigs, options.NoLog = true, true
	node, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("configure NATS: %w", err)
	}
	node.Start()
	log.Info("ready", "addr", node.ClientURL())
	<-ctx.Done()
	node.Shutdown()
	node.WaitForShutdown()
	return nil
}

// jetstream returns a bare connection to the world's NATS, and how to close it.
func (w *world) jetstream() (jetstream.JetStream, func(), error) {
	nc, err := nats.Connect(w.variables["NATS_URL"])
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("open JetStream: %w", err)
	}
	return js, nc.Close, nil
}
