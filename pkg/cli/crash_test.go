package cli_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/bench"
	"github.com/loquent/callstream/pkg/telemetry"
)

// A sample of the crash matrix: kinds of steps of every role. The whole of it is
// callstream simulate --crash-matrix.
func TestCrashMatrix(t *testing.T) { // not parallel: what is slow beside others is cut short
	if testing.Short() {
		t.Skip("kills processes for a minute")
	}
	log, err := telemetry.NewLogger(os.Stderr, "text", "warn")
	if err != nil {
		t.Fatal(err)
	}
	report, err := bench.Crash(t.Context(), bench.CrashConfig{
		Runs: 80, Seed: 1, Rate: 5, Survey: 10 * time.Second, Limit: 90 * time.Second,
		Command: []string{os.Args[0]}, Env: []string{asCommand + "=1"}, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	if !report.Good() {
		t.Errorf("processes that were killed lost, doubled or left something:\n%s", table.String())
	}
	killed := map[string]bool{}
	for _, row := range report.Rows {
		if word, _, _ := strings.Cut(row.Point.Step, " "); row.Kills > 0 {
			killed[row.Role+" "+word] = true
		}
	}
	var missed []string
	for _, kind := range []string{
		"ingress answer", "ingress publish", "calls COMMIT", "calls ack", "recorder COMMIT", "recorder Twilio", "recorder ack",
		"archiver COMMIT", "archiver Twilio", "archiver S3", "archiver publish", "archiver ack",
		"transcriber COMMIT", "transcriber Whisper", "transcriber publish", "transcriber ack",
		"reaper Twilio", "reaper COMMIT", "reaper ack", "messages COMMIT", "messages ack",
	} {
		if !killed[kind] {
			missed = append(missed, kind)
		}
	}
	if len(missed) > 5 { // a slow machine does not come to all of them in time
		t.Errorf("nobody was killed at %s", strings.Join(missed, ", "))
	}
	t.Log(table.String()[strings.LastIndex(strings.TrimSpace(table.String()), "\n")+1:])
}

func TestTheDoubleIsToldWhomItPlaysFor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                               "--target",
		"--runs 3":                       "--crash-matrix",
		"--crash-matrix --runs=-1":       "negative",
		"--target http://127.0.0.1:8080": "--org",
	} {
		if status, output := run(t, append([]string{"simulate"}, strings.Fields(name)...)...); status == 0 || !strings.Contains(output, want) {
			t.Errorf("simulate %s: exit status %d, and nothing of %q:\n%s", name, status, want, output)
		}
	}
}
