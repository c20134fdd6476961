package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// While up runs, commands beside it find its parts by its folder alone; once it
// has ended they say so.
func TestCommandsFindARunningInstance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
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
