package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/cli"
)

// asCommand makes the test binary behave as callstream itself, so that a test
// can kill it.
const asCommand = "CALLSTREAM_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		status := cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// limit bounds each whole run; a pipeline that hangs is a failure.
const limit = 4 * time.Minute

// run runs a command line in this process and returns its exit status and
// output.
func run(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var out lockedBuffer
	status = cli.Run(ctx, args, &out, &out)
	return status, out.String()
}

// simulate is the command line of a small faulty simulation in dir.
func simulate(dir string, more ...string) []string {
	return append([]string{
		"up", "--data", dir, "--http-addr", "127.0.0.1:0", "--simulate", "--log-level", "error",
		"--calls", "40", "--rate", "12", "--speed", "40", "--faults", "all",
	}, more...)
}

func TestUpAccountsForEveryCall(t *testing.T) {
	t.Parallel()
	if status, output := run(t, simulate(t.TempDir(), "--verify")...); status != 0 {
		t.Errorf("exit status %d\n%s", status, output)
	}
}

func TestVerifyNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, output := run(t, simulate(dir)...); status != 0 {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	recordings, err := filepath.Glob(filepath.Join(dir, "s3", "*"))
	if err != nil || len(recordings) == 0 {
		t.Fatalf("nothing in the store: %v", err)
	}
	damaged := damageOne(t, filepath.Join(dir, "s3"))
	status, output := run(t, simulate(dir, "--verify")...)
	if status != 1 || !strings.Contains(output, damaged) {
		t.Errorf("exit status %d after recording %s was damaged in the bucket, want 1 and its name:\n%s", status, damaged, output)
	}
}

// damageOne flips the last byte of one recording below root and returns the
// recording's SID.
func damageOne(t *testing.T, root string) (recordingSID string) {
	t.Helper()
	sid := regexp.MustCompile(`RE[0-9a-f]{32}`)
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || recordingSID != "" || strings.Contains(path, ".json") {
			return err
		}
		name := sid.FindString(path)
		if name == "" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		recordingSID = name
		content[len(content)-1] ^= 1
		return os.WriteFile(path, content, 0o600)
	})
	if err != nil || recordingSID == "" {
		t.Fatalf("no recording found to damage: %v", err)
	}
	return recordingSID
}

func TestKillMinusNineLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], simulate(dir, "--verify", "--rate", "10")...)
	child.Env = append(os.Environ(), asCommand+"=1")
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// The first transcript is the signal that the run is well on its way.
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "first transcript") {
			break
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait()

	if status, output := run(t, simulate(dir, "--verify", "--rate", "10")...); status != 0 {
		t.Errorf("after kill -9: exit status %d\n%s", status, output)
	}
}

func TestTwoOnOneFolderAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, stop := start(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0", "--log-level", "error")
	status, output := run(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0")
	if status != 1 || !strings.Contains(output, "--data") {
		t.Errorf("a second up: exit status %d\n%s", status, output)
	}
	response, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the first up is not ready any more: %d", response.StatusCode)
	}
	if status := stop(); status != 0 {
		t.Errorf("exit status %d after a signal, want 0", status)
	}
}

func TestTheOperatorSeesACallWithItsReason(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, output := run(t, simulate(dir)...); status != 0 {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	address, stop := start(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0", "--log-level", "error")
	defer stop()
	key, err := os.ReadFile(filepath.Join(dir, "operator.key"))
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Calls []struct {
			CallSID       string `json:"call_sid"`
			RecordingURL  string `json:"recording_url"`
			Transcription string
			Recordings    []struct {
				RecordingSID string          `json:"recording_sid"`
				Receipt      json.RawMessage `json:"deletion_receipt"`
			}
		}
	}
	get := func(path string, into any) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("GET %s: %d %s (%v)", path, response.StatusCode, body, err)
		}
		if raw, ok := into.(*[]byte); ok {
			*raw = body
		} else if err := json.Unmarshal(body, into); err != nil {
			t.Fatal(err)
		}
	}
	get("/api/calls?recorded=true&limit=1", &page)
	if len(page.Calls) != 1 || page.Calls[0].RecordingURL == "" || page.Calls[0].Transcription == "" ||
		len(page.Calls[0].Recordings) == 0 || len(page.Calls[0].Recordings[0].Receipt) == 0 {
		t.Fatalf("a recorded call without recording, transcript or receipt: %+v", page)
	}
	call := page.Calls[0]
	var timeline struct {
		Entries []struct {
			Kind string
			Seq  uint64 `json:"stream_seq"`
		}
	}
	get("/api/calls/"+call.CallSID+"/timeline", &timeline)
	if len(timeline.Entries) == 0 || timeline.Entries[0].Seq == 0 {
		t.Errorf("timeline %+v", timeline)
	}
	var audio []byte
	get("/api/recordings/"+call.Recordings[0].RecordingSID+"/media", &audio)
	if len(audio) < 1000 {
		t.Errorf("%d bytes of audio", len(audio))
	}
}

// start runs a command line until stop is called, which returns its exit
// status, and returns the address it serves on.
func start(t *testing.T, args ...string) (address string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- cli.Run(ctx, args, write, write)
		_ = write.Close()
	}()
	api := regexp.MustCompile(`http://(\S+)/api/calls`)
	var seen strings.Builder
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if found := api.FindStringSubmatch(lines.Text()); found != nil {
			address = found[1]
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if address == "" {
		t.Fatalf("it never served:\n%s", seen.String())
	}
	return address, func() int { cancel(); return <-exit }
}

// lockedBuffer is a buffer that several goroutines may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
