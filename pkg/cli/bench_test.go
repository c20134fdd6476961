package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/loquent/callstream/pkg/bench"
)

// The figures of a short run mean nothing; that there are some means that every
// request was acknowledged, and that recordings became copies and transcripts.
func TestTheBenchmarkMeasures(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "bench", "--quick", "--part", "ingest", "--part", "ready", "--json", "--dir", t.TempDir())
	command.Env = append(os.Environ(), asCommand+"=1")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // its roles end with it
	var output, log bytes.Buffer
	command.Stdout, command.Stderr = &output, &log
	if err := command.Run(); err != nil {
		t.Fatalf("bench: %v\n%s", err, log.String())
	}
	var report bench.Report
	if err := json.Unmarshal(output.Bytes(), &report); err != nil {
		t.Fatalf("%v\n%s", err, output.String())
	}
	taken := map[string]int{}
	for _, f := range report.Figures {
		if f.Error != "" || f.Value <= 0 {
			t.Errorf("%s, %s: %v %s", f.Part, f.Name, f.Value, f.Error)
		}
		taken[f.Part]++
	}
	if taken["ingest"] == 0 || taken["ready"] == 0 || len(taken) != 2 {
		t.Errorf("figures of %v, want of ingest and ready", taken)
	}
}
