package cli_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// The power is cut while events arrive: of each node's files no more is left
// than what it had brought to disk. With callstream's setting all that was
// acknowledged is there when the power is back, on one node and on three of
// which all lost it at once. With the server's own setting it is not, which is
// why callstream does not run on that.
func TestDurability(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("what reaches the disk is seen by strace, which is not installed: apt-get install strace")
	}
	for name, c := range map[string]struct {
		nodes int
		sync  string
		loses bool
	}{
		"one node, always":         {1, "always", false},
		"three nodes, always":      {3, "always", false},
		"one node, each 2 minutes": {1, "2m", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNodes(t, c.nodes, c.sync, (*nodes).beginTraced)
			acknowledged := n.cutPowerUnderLoad()
			for i := range n.files {
				n.begin(i)
			}
			n.await()
			lost := n.missing(acknowledged)
			if c.loses == (len(lost) == 0) {
				t.Errorf("%d of %d acknowledged events are lost: %v", len(lost), len(acknowledged), lost[:min(5, len(lost))])
			}
			t.Logf("%d acknowledged, %d of them lost", len(acknowledged), len(lost))
		})
	}
}

// beginTraced starts a node under strace.
func (n *nodes) beginTraced(i int) {
	n.t.Helper()
	child := exec.Command("strace", "-f", "-y", "-s", "0", "-o", n.trace(i), //nolint:gosec // the test's own binary
		"-e", "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat",
		os.Args[0], "bench", "--serve", "nats:"+n.files[i])
	child.Env = append(os.Environ(), asCommand+"=1")
	if err := child.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.running[i] = child
	n.t.Cleanup(func() { n.killTraced(i); _ = child.Wait() })
}

func (n *nodes) trace(i int) string { return filepath.Join(n.dir, "trace"+strconv.Itoa(i)) }

// killTraced kills the node itself; strace then ends, with its trace complete.
func (n *nodes) killTraced(i int) {
	pid := strconv.Itoa(n.running[i].Process.Pid)
	children, _ := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children")) //nolint:errcheck // then it has ended
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// cutPowerUnderLoad publishes events until some hundred are acknowledged, takes
// the power from all nodes, and returns the ids of all that were.
func (n *nodes) cutPowerUnderLoad() (acknowledged map[string]bool) {
	n.t.Helper()
	ctx, stop := context.WithCancel(n.t.Context())
	defer stop()
	conn, err := stream.Connect(ctx, stream.Config{URL: n.url(), Name: "test"})
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Provision(ctx, stream.DefaultSettings(len(n.files)), nil); err != nil {
		n.t.Fatal(err)
	}
	n.rest()
	acknowledged = map[string]bool{}
	var (
		mu         sync.Mutex
		publishers sync.WaitGroup
		enough     = make(chan struct{})
	)
	const publisherCount, wanted = 8, 300
	for p := range publisherCount {
		publishers.Go(func() {
			for e := p; ctx.Err() == nil; e += publisherCount {
				event := streamtest.Answered(e)
				if conn.Publish(ctx, event) != nil {
					continue
				}
				mu.Lock()
				acknowledged[event.MsgID()] = true
				if len(acknowledged) == wanted {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(limit):
		n.t.Fatal("nothing is acknowledged")
	}
	for i := range n.files {
		n.killTraced(i)
	}
	for i := range n.files {
		_ = n.running[i].Wait()
	}
	stop()
	publishers.Wait()
	for i := range n.files {
		n.cut(i)
	}
	return acknowledged
}

// rest brings everything to disk that was written until now, as the system does
// after a while. What is proven is about events; a stream is made once.
func (n *nodes) rest() {
	for i := range n.files {
		_ = filepath.Walk(n.store(i), func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				n.rested[path] = info.Size()
			}
			return nil
		})
	}
}

// cut leaves of a dead node's files what the trace says was on disk.
func (n *nodes) cut(i int) {
	n.t.Helper()
	text, err := os.ReadFile(n.trace(i))
	if err != nil {
		n.t.Fatal(err)
	}
	d := newDisk()
	for line := range strings.Lines(string(text)) {
		d.see(line)
	}
	err = filepath.Walk(n.store(i), func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		kept := min(info.Size(), max(d.synced(path), n.rested[path]))
		if kept == 0 && info.Size() > 0 {
			return os.Remove(path)
		}
		return os.Truncate(path, kept)
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// missing returns which of the events are not in CALLS.
func (n *nodes) missing(acknowledged map[string]bool) (lost []string) {
	n.t.Helper()
	stored := map[string]bool{}
	within(n.t, "CALLS cannot be read", func() bool {
		calls, err := n.js.Stream(n.t.Context(), schema.StreamCalls)
		if err != nil {
			return false
		}
		for seq := max(calls.CachedInfo().State.FirstSeq, 1); seq <= calls.CachedInfo().State.LastSeq; seq++ {
			m, err := calls.GetMsg(n.t.Context(), seq)
			if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
				return false
			}
			if err == nil {
				stored[m.Header.Get(nats.MsgIdHdr)] = true
			}
		}
		return true
	})
	for id := range acknowledged {
		if !stored[id] {
			lost = append(lost, id)
		}
	}
	return lost
}
