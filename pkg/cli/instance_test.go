package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/pkg/stream"
)

// While up runs, commands beside it find its parts by its folder alone; once it
// has ended they say so.
func TestCommandsFindARunningInstance(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "o'clock") // a shell reads the file too
	_, stop := start(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0", "--log-level", "error")
	info, err := os.Stat(filepath.Join(dir, "instance.env"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("instance.env: %v, %v; it holds secrets and is the owner's alone", info, err)
	}
	if status, output := run(t, "streams", "ls", "--data", dir); status != 0 || !strings.Contains(output, "transcriber") {
		t.Errorf("streams ls beside a running up: %d\n%s", status, output)
	}
	stop()
	if status, output := run(t, "streams", "ls", "--data", dir); status != 1 || !strings.Contains(output, "NATS_URL is not set") {
		t.Errorf("streams ls after up: %d\n%s", status, output)
	}
}

// Without roles up has the parts, and nothing that serves or consumes.
func TestPartsAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- cli.Run(ctx, []string{"up", "--no-roles", "--data", dir, "--log-level", "error"}, write, write)
		_ = write.Close()
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() && !strings.Contains(lines.Text(), "instance.env") {
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if status, output := run(t, "orgs", "ls", "--data", dir); status != 0 || !strings.Contains(output, "First organization") {
		t.Errorf("orgs ls: %d\n%s", status, output)
	}
	var info stream.Info
	status, output := run(t, "streams", "ls", "--json", "--data", dir)
	if err := json.Unmarshal([]byte(output), &info); status != 0 || err != nil {
		t.Fatalf("streams ls: %d, %v\n%s", status, err, output)
	}
	for _, d := range info.Durables {
		if d.Waiting > 0 {
			t.Errorf("somebody consumes %s", d.Name)
		}
	}
	cancel()
	if status := <-exit; status != 0 {
		t.Errorf("exit status %d", status)
	}
}
