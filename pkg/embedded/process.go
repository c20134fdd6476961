package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child that ends when this process does.
type process struct {
	cmd    *exec.Cmd
	output *tail
	done   chan struct{} // closed when the child has ended
	err    error         // how it ended; read after done
}

// startProcess starts a program under an account. Where the kernel offers it,
// the child receives the signal when this process dies, even by SIGKILL. That
// offer is tied to the thread that started the child, so a goroutine keeps
// that thread for as long as the child lives.
func startProcess(acct account, death syscall.Signal, logger *slog.Logger, path string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), output: &tail{logger: logger}, done: make(chan struct{})} //nolint:gosec,noctx // ours; it outlives the start's context
	p.cmd.Dir = "/"                                                                                           // the account may not see ours
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = acct.attributes(death)
	p.cmd.SysProcAttr.Setpgid = true // Ctrl-C is for us; we stop the child in order
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// pid returns the child's process number.
func (p *process) pid() int { return p.cmd.Process.Pid }

// end sends a signal and reports whether the child ended within the wait.
func (p *process) end(signal syscall.Signal, wait time.Duration) bool {
	_ = p.cmd.Process.Signal(signal) // fails for an ended child only
	select {
	case <-p.done:
		return true
	case <-time.After(wait):
		return false
	}
}

// wait returns how the child ended; it kills it when ctx ends.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		p.end(syscall.SIGKILL, time.Minute)
		return fmt.Errorf("stopped: %w", ctx.Err())
	}
}

// tailSize bounds what is kept of a child's output.
const tailSize = 4 << 10

// tail logs a child's lines at debug level and keeps the last of them for an
// error message.
type tail struct {
	logger *slog.Logger

	mu   sync.Mutex
	kept []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		t.logger.Debug("postgres: " + strings.TrimSpace(string(line)))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// String returns the last output.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
