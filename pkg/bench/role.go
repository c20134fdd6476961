package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/loquent/callstream/schema"
)

// role is a callstream process.
type role struct {
	name    string
	addr    string // where it serves HTTP; empty: nowhere
	started time.Time
	ready   time.Duration // from its start until it was ready
	command *exec.Cmd
	output  *tail
	over    chan struct{} // closed when it has ended
}

// readyTime bounds a start, and stopTime an end.
const (
	readyTime = 2 * time.Minute
	stopTime  = 30 * time.Second
)

// start runs a role until stop is called, and returns once it is ready. env is
// added to the process's own.
func (b *bench) start(ctx context.Context, env []string, args ...string) (*role, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	r, err := b.launch(append(slices.Clone(env), "HTTP_ADDR="+addr), args...)
	if err != nil {
		return nil, err
	}
	r.addr = addr
	if err := r.await(ctx, r.answers); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// launch starts the process and does not wait for it.
func (b *bench) launch(env []string, args ...string) (*role, error) {
	command := exec.Command(b.Command[0], append(slices.Clone(b.Command[1:]), args...)...) //nolint:gosec,noctx // this program; stop ends it
	command.Env = append(append(append(os.Environ(), "LOG_LEVEL=warn"), b.Env...), env...)
	r := &role{name: strings.Join(args, " "), command: command, output: &tail{}, over: make(chan struct{}), started: time.Now()}
	command.Stdout, command.Stderr = r.output, r.output
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start callstream %s: %w", r.name, err)
	}
	go func() {
		_ = command.Wait() // how it ended is in its state
		close(r.over)
	}()
	return r, nil
}

// await waits until the role is ready, by whatever tells.
func (r *role) await(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for !ready(ctx) {
		select {
		case <-r.over:
			return schema.Errorf(schema.Internal, "callstream %s ended: %s\n%s", r.name, r.command.ProcessState, r.output)
		case <-ctx.Done():
			return fmt.Errorf("wait for callstream %s: %w\n%s", r.name, ctx.Err(), r.output)
		case <-time.After(2 * time.Millisecond):
		}
	}
	r.ready = time.Since(r.started)
	return nil
}

// answers reports whether the role says that it is ready.
func (r *role) answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.addr+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop ends the process, by force if need be.
func (r *role) stop() {
	_ = r.command.Process.Signal(syscall.SIGTERM) // or it has ended
	select {
	case <-r.over:
	case <-time.After(stopTime):
		_ = r.command.Process.Kill()
		<-r.over
	}
}

// cpu returns the CPU time that the process has used, 0 where the system does
// not say.
func (r *role) cpu() time.Duration { return cpuOf(r.command.Process.Pid) }

// resident returns the process's memory in megabytes, the pages of the binary
// that it has touched included; 0 where the system does not say.
func (r *role) resident() float64 { return r.memoryOf("VmRSS:") }

// own returns the memory that is the process's own, without the pages of the
// binary, which the kernel shares and takes back as it likes.
func (r *role) own() float64 { return r.memoryOf("RssAnon:") }

func (r *role) memoryOf(kind string) float64 {
	text, _ := os.ReadFile(r.proc("status")) // then 0
	return float64(kilobytes(text, kind)) / 1024
}

// peak watches the process's own memory until stop is called, which returns the
// most that it was, in megabytes.
func (r *role) peak() (stop func() float64) {
	over, most := make(chan struct{}), make(chan float64)
	go func() {
		highest := r.own()
		for {
			select {
			case <-over:
				most <- highest
				return
			case <-time.After(5 * time.Millisecond):
				highest = max(highest, r.own())
			}
		}
	}()
	return func() float64 { close(over); return <-most }
}

func (r *role) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(r.command.Process.Pid), file)
}

// clockTick is the unit of /proc's times on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf returns the CPU time of a process that runs.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold anything; behind it follow state and,
	// eleven fields on, user and system time.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * clockTick
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// tail keeps the end of what a process says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

// Write keeps the last of p.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailSize; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

var _ io.Writer = (*tail)(nil)
