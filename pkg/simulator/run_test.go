package simulator

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// A pipeline that does everything right is found to, whatever goes wrong
// around it.
func TestRunAndVerify(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"none", "all", "duplicates=1,reorder=1,delay=1,lostcallbacks=1,media404=1,truncated=1,absent=0.5"} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.config.Calls = 250
			var err error
			if f.config.Faults, err = ParseFaults(faults); err != nil {
				t.Fatal(err)
			}
			s := f.start()
			s.FlagChanged(true, time.Now())
			f.run(s)
			if report := f.verify(s); !report.Identical() {
				t.Errorf("not identical:\n%s", report)
			}
			if len(f.invalid) > 0 {
				t.Errorf("%d deliveries were signed wrongly, as %s", len(f.invalid), f.invalid[0])
			}
			checkProgress(t, s, f.config)
		})
	}
}

func checkProgress(t *testing.T, s *Simulator, config Config) {
	t.Helper()
	p := s.Progress()
	if p.Placed != config.Calls || p.Ended != config.Calls || p.Calls != config.Calls {
		t.Errorf("progress %+v, want %d calls placed and ended", p, config.Calls)
	}
	if p.Deleted != p.Completed || p.Completed == 0 || p.Completed+p.Absent != p.Recordings {
		t.Errorf("progress %+v, want all completed recordings deleted", p)
	}
	if p.Dropped != 0 || p.Delivered == 0 || (config.Faults.LostCallbacks > 0) != (p.Lost > 0) {
		t.Errorf("progress %+v, want no event dropped, and callbacks lost only by fault", p)
	}
}

// Every kind of call occurs, so that a run shows them all.
func TestRunHasEveryScenario(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 300 {
		seen[newScript(1, i, testWorld()).scenario] = true
	}
	for _, s := range scenarios {
		if !seen[s.name] {
			t.Errorf("no %s call among 300", s.name)
		}
	}
}

// A process that dies in the middle, with a line half written, is followed by
// one that ends up with the same truth and an identical pipeline.
func TestResume(t *testing.T) {
	t.Parallel()
	for name, voiceURL := range map[string]string{"scripts": "", "TwiML": voicePath} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resume(t, voiceURL)
		})
	}
}

func resume(t *testing.T, voiceURL string) {
	t.Helper()
	f := newFake(t)
	f.config.VoiceURL = voiceURL
	f.config.Dir, f.config.Speed, f.config.Rate = t.TempDir(), 40, 100
	f.config.Faults, _ = ParseFaults("all")
	first := f.start()
	first.FlagChanged(true, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	var received atomic.Int32
	f.refuse = func(*http.Request, []byte) int {
		if received.Add(1) == 80 {
			cancel() // This very delivery is not settled any more.
		}
		return 0
	}
	if err := first.Run(ctx); err == nil {
		t.Fatal("the first run was not cut short")
	}
	cancel()
	f.work.Wait()
	before := first.snapshot()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	tear(t, f.config.Dir)
	second := f.start()
	after := second.snapshot()
	for sid, was := range before {
		now, ok := after[sid]
		if !ok || now.leg != was.leg || !now.call.At.Equal(was.call.At) {
			t.Fatalf("call %s is %+v after the restart, was %+v", sid, now, was)
		}
	}
	f.run(second)
	if report := f.verify(second); !report.Identical() {
		t.Errorf("not identical:\n%s", report)
	}
	if p := second.Progress(); p.Placed != f.config.Calls {
		t.Errorf("%d calls placed by both runs, want %d", p.Placed, f.config.Calls)
	}
}

// tear leaves the journal as a process does that is killed while it writes.
func tear(t *testing.T, dir string) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(dir, "journal.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(`{"settled":{"ids":["CA0`); err != nil {
		t.Fatal(err)
	}
}

func TestJournalKeepsSinksAndFlag(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Dir = t.TempDir()
	first := f.start()
	at := time.Now()
	first.FlagChanged(true, at)
	sink := f.sink(f.config.Target + "/twilio/events?org=1&kind=call")
	f.subscribe(sink, statusCallbackPrefix+"call.answered")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := f.start()
	if !second.flag(true, at.Add(time.Hour)) || second.flag(true, at.Add(-time.Hour)) {
		t.Error("the flag's history is lost")
	}
	got := second.destinations(delivery{kind: kindCall, events: []cloudEvent{{Type: shortPrefix + "answered"}}})
	if want := []string{f.config.Target + "/twilio/events?org=1&kind=call"}; !slices.Equal(got, want) {
		t.Errorf("answered goes to %v, want %v", got, want)
	}
}

func TestJournalRefusesOthersCalls(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Dir = t.TempDir()
	if err := f.start().Close(); err != nil {
		t.Fatal(err)
	}
	f.config.Numbers = []string{"+15005550009"}
	if _, err := New(f.config); schema.CodeOf(err) != schema.Conflict {
		t.Errorf("error %v, want a conflict", err)
	}
	if err := os.WriteFile(filepath.Join(f.config.Dir, "journal.jsonl"), []byte("{\"world\":null}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(f.config); schema.CodeOf(err) != schema.Corrupt {
		t.Errorf("error %v, want corrupt", err)
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Config){
		"account": func(c *Config) { c.AccountSID = "AC1" },
		"token":   func(c *Config) { c.AuthToken = "" },
		"numbers": func(c *Config) { c.Numbers = nil },
		"target":  func(c *Config) { c.Target = "callstream" },
		"speed":   func(c *Config) { c.Speed = -1 },
	} {
		f := newFake(t)
		spoil(&f.config)
		if _, err := New(f.config); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: error %v, want invalid", name, err)
		}
	}
}

// Twilio's rules of repetition.
func TestRepetition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		answers   []int // in order, the last one ever after
		event     outcome
		callback  outcome
		attempts  int // of the event
		callbacks int
	}{
		{"accepted", []int{204}, delivered, delivered, 1, 1},
		{"a refusal is for good", []int{400, 204}, dropped, lost, 1, 1},
		{"away, then back", []int{503, 500, 204}, delivered, lost, 3, 1},
		{"too many, then accepted", []int{429, 204}, delivered, lost, 2, 1},
		{"forbidden", []int{403, 204}, dropped, lost, 1, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			received, f := 0, newFake(t)
			f.refuse = f.answering(test.answers, &received)
			s := f.start()
			d := delivery{kind: kindCall, dice: newDice(1, "x"), events: []cloudEvent{{ID: "1", Type: "t", Data: []byte("{}")}, {ID: "2", Type: "t", Data: []byte("{}")}}}
			if got, answer := s.sendEvents(t.Context(), d); got != test.event || received != test.attempts {
				t.Errorf("events %s after %d attempts (%s), want %s after %d", got, received, answer, test.event, test.attempts)
			}
			received = 0
			d = delivery{dice: newDice(1, "y"), url: f.config.Target + "/twilio/call-status", method: "POST", form: map[string][]string{"A": {"b"}}}
			if got, answer := s.sendCallback(t.Context(), d); got != test.callback || received != test.callbacks {
				t.Errorf("callback %s after %d attempts (%s), want %s after %d", got, received, answer, test.callback, test.callbacks)
			}
		})
	}
}

// Calls that are placed without end are enough when the caller says so: Run then
// ends as it does after the last of a number.
func TestRunEndsWhenThereAreEnoughCalls(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	enough := make(chan struct{})
	f.config.Calls, f.config.Enough = 0, enough
	s := f.start()
	s.FlagChanged(true, time.Now())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(t.Context()) }()
	for s.Progress().Delivered == 0 {
		select {
		case err := <-ran:
			t.Fatalf("Run ended by itself: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	close(enough)
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if report := f.verify(s); !report.Identical() {
		t.Errorf("not identical, or not at its end:\n%s", report)
	}
}
