package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/cli"
	"github.com/loquent/callstream/schema"
)

// An operator's replays over a finished run: what is done stays as it is, what
// is forced is done again, nothing starts or deletes, and what is interrupted
// goes on where it stopped. The truth is compared at the end.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if status, output := run(t, simulate(dir)...); status != 0 {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	// The double serves on as Twilio and transcription service once all calls
	// are placed, which a second run finds to be so.
	_, stop := start(t, "up", "--data", dir, "--http-addr", "127.0.0.1:0", "--simulate", "--log-level", "error",
		"--seed", "1", "--rate", "0.001", "--faults", "none")
	replay := func(want int, says string, args ...string) string {
		t.Helper()
		status, output := run(t, append([]string{"replay", "--data", dir, "--log-level", "error"}, args...)...)
		if status != want || !strings.Contains(output, says) {
			t.Errorf("replay %v: exit status %d, want %d and %q\n%s", args, status, want, says, output)
		}
		return output
	}
	replay(0, "0 of them would change", "--consumer", "calls", "--dry-run", "--to-seq", "60") // the second run's first call comes behind
	replay(0, "is done", "--consumer", "calls")
	replay(0, "would transcribe it again", "--consumer", "transcriber", "--force", "--dry-run")
	replay(0, "0 failed", "--consumer", "transcriber", "--force")
	replay(0, "0 failed", "--consumer", "archiver", "--force")
	replay(1, `allow the side effect "recorder"`, "--consumer", "recorder")
	replay(1, `allow the side effect "reaper"`, "--consumer", "reaper")
	replay(1, "name the consumer")
	replay(1, "no durable is called", "--consumer", "nobody")

	id := interrupted(t, dir)
	if status, output := run(t, "replays", "ls", "--data", dir); status != 0 || !strings.Contains(output, id) || !strings.Contains(output, "interrupted") {
		t.Errorf("replays ls: %d\n%s", status, output)
	}
	replay(0, "is done", "--resume", id)
	replay(1, "cannot be resumed", "--resume", id)
	id = interrupted(t, dir)
	if status, output := run(t, "replays", "cancel", id, "--data", dir); status != 0 {
		t.Errorf("replays cancel: %d\n%s", status, output)
	}
	replay(1, "cannot be resumed", "--resume", id)
	stop()
	if status, output := run(t, simulate(dir, "--verify")...); status != 0 {
		t.Errorf("after the replays: exit status %d\n%s", status, output)
	}
}

// interrupted starts a slow replay, stops it as Ctrl-C does, and returns its id.
func interrupted(t *testing.T, dir string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lockedBuffer
	exit := make(chan int, 1)
	go func() {
		exit <- cli.Run(ctx, []string{"replay", "--data", dir, "--consumer", "calls", "--rate", "5", "--to-seq", "40", "--log-level", "error"}, &out, &out)
	}()
	begun(t, dir)
	cancel()
	status := <-exit
	found := regexp.MustCompile(`--resume (\S+)`).FindStringSubmatch(out.String())
	if status != 1 || found == nil {
		t.Fatalf("an interrupted replay: exit status %d\n%s", status, out.String())
	}
	return found[1]
}

// begun waits until the newest replay runs.
func begun(t *testing.T, dir string) {
	t.Helper()
	var database, secret string
	text, err := os.ReadFile(filepath.Join(dir, "instance.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "DATABASE_URL":
			database = strings.Trim(value, "'")
		case "CALLSTREAM_SECRET_KEY":
			secret = strings.Trim(value, "'")
		}
	}
	db := openDatabase(t, database, secret)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		replays, err := db.Replays(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(replays) == 1 && replays[0].State == schema.ReplayRunning && replays[0].Spec.Rate == 5 {
			return
		}
	}
}
