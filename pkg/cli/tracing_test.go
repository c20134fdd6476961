package cli_test

import (
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/telemetry/telemetrytest"
)

// Of a recorded call everything that was done is in one trace: in every
// consumer, at Twilio, in the bucket and at the transcription service.
func TestARecordedCallIsOneTrace(t *testing.T) {
	t.Parallel()
	collector := telemetrytest.New(t)
	status, output := run(t, "up", "--data", t.TempDir(), "--http-addr", "127.0.0.1:0", "--simulate", "--log-level", "error",
		"--calls", "5", "--rate", "5", "--speed", "40", "--otlp-endpoint", collector.Endpoint)
	if status != 0 {
		t.Fatalf("exit status %d\n%s", status, output)
	}
	traces := map[string]map[string]bool{} // names by trace
	for _, s := range collector.Spans() {
		if strings.Contains(s.Name, "healthz") || strings.Contains(s.Name, "readyz") {
			t.Errorf("a probe is traced: %s", s.Name)
		}
		if traces[s.Trace] == nil {
			traces[s.Trace] = map[string]bool{}
		}
		name, _, _ := strings.Cut(s.Name, " 127.0.0.1:") // the doubles' ports differ
		traces[s.Trace][name] = true
	}
	whole := []string{
		"publish call.answered", "process calls", "process recorder", "POST",
		"publish recording.processed", "process archiver", "GET", "PUT", "publish recording.archived",
		"process transcriber", "publish recording.transcribed", "process reaper", "DELETE",
	}
	for _, names := range traces {
		missing := 0
		for _, name := range whole {
			if !names[name] {
				missing++
			}
		}
		if missing == 0 {
			return
		}
	}
	t.Errorf("no trace has all of %q: %v", whole, traces)
}
