package bench

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/crash"
	"github.com/loquent/callstream/pkg/simulator"
)

// planOf returns a plan for roles with so many points each.
func planOf(left int, points map[string]int) *plan {
	p := &plan{left: left, rows: map[spot]*CrashRow{}}
	for role, n := range points {
		for i := range n {
			at := crash.Point{Step: "step " + string(rune('a'+i/2)), After: i%2 == 1}
			p.rows[spot{role, at}] = &CrashRow{Role: role, Point: at}
		}
	}
	return p
}

// As many kills as there are points are one at each, whichever role is quicker;
// a point to which a process does not come leaves its kill to the others.
func TestEveryPointHasItsTurn(t *testing.T) {
	t.Parallel()
	roles := map[string]int{"quick": 6, "slow": 20}
	p, dice := planOf(26, roles), rand.New(rand.NewPCG(1, 2))
	missed, waited := false, 0
	for busy := true; busy; {
		busy = false
		for _, role := range []string{"quick", "quick", "quick", "slow"} {
			row, wait := p.next(role, dice)
			if busy = busy || wait || row != nil; wait {
				waited++
			}
			if row == nil {
				continue
			}
			came := role == "quick" || missed
			p.note(row, nil, came)
			missed = missed || !came
		}
	}
	total := 0
	for s, row := range p.rows {
		total += row.Kills
		if row.Kills > 2 || row.tried() == 0 {
			t.Errorf("%s %s: killed %d times of %d", s.role, s.at, row.Kills, row.tried())
		}
	}
	if total != 26 || waited == 0 {
		t.Errorf("%d kills; the quick waited %d times", total, waited)
	}
}

func TestWhatDiffersIsCountedWhereTheProcessDied(t *testing.T) {
	t.Parallel()
	p := planOf(2, map[string]int{"role": 2})
	first, _ := p.next("role", rand.New(rand.NewPCG(1, 2)))
	p.note(first, []string{"CA1", "RE1"}, true)
	last, _ := p.next("role", rand.New(rand.NewPCG(1, 2)))
	p.note(last, []string{"CA2", "RE1"}, true)
	if p.over("CA1") != first || p.over("CA9", "RE1") != last || p.over("CA9") != nil {
		t.Error("a difference is counted elsewhere")
	}
	for d, want := range map[simulator.Difference]bool{
		{What: "recordings started", Want: "one", Got: "2"}:      true,
		{What: "recording", Want: "one", Got: "two"}:             true,
		{What: "row", Want: "none: nobody's", Got: "a row"}:      true,
		{What: "row", Want: "one: voicemail", Got: "none"}:       false,
		{What: "object", Want: "archived", Got: "none"}:          false,
		{What: "transcription", Want: "that of it", Got: "none"}: false,
	} {
		if isDoubled(d) != want {
			t.Errorf("%s: doubled: %t", d, !want)
		}
	}
}

func TestACrashReportIsGoodOnlyWithNothingToTell(t *testing.T) {
	t.Parallel()
	rows := []CrashRow{{Role: "calls", Point: crash.Point{Step: "COMMIT"}, Kills: 3}, {Role: "calls", Point: crash.Point{Step: "ack", After: true}}}
	for text, r := range map[string]CrashReport{
		"2 points (1 killed at), 3 runs over 0 calls in 0s, seed 0: 0 lost, 0 doubled, 0 stuck, 0 dead letters": {Rows: rows},
		"1 lost":         {Lost: 1},
		"1 doubled":      {Doubled: 1},
		"1 stuck":        {Stuck: 1},
		"1 dead letters": {Letters: []string{"calls: exhausted"}},
	} {
		var table bytes.Buffer
		if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), text) {
			t.Errorf("%v, and no %q in\n%s", err, text, table.String())
		}
		if r.Good() != (r.Rows != nil) {
			t.Errorf("%q: good: %t", text, r.Good())
		}
	}
}

func TestSomeRecordingsComeWithoutTheirLength(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(unannounced(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "audio")
	})))
	t.Cleanup(server.Close)
	for path, want := range map[string]int64{"/RE0.mp3": -1, "/RE1.mp3": 5, "/RE0.json": 5} {
		response, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(body) != "audio" || response.ContentLength != want {
			t.Errorf("%s: %q of %d bytes, %v; want %d", path, body, response.ContentLength, err, want)
		}
	}
}

// A call whose answer took longer than ingress waits for anything is known, and
// what was posted arrives whole.
func TestCallersWhoWaitedAreKnown(t *testing.T) {
	t.Parallel()
	var c callers
	server := httptest.NewServer(c.watch(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("CallSid") == "" {
			t.Errorf("%v in %v", err, r.Form)
		}
		if r.Form.Get("Slow") != "" {
			time.Sleep(callersPatience)
			panic(http.ErrAbortHandler) // as when a process is killed
		}
	})))
	t.Cleanup(server.Close)
	for _, form := range []url.Values{{"CallSid": {"CA1"}}, {"CallSid": {"CA2"}, "Slow": {"yes"}}} {
		if response, err := http.PostForm(server.URL+"/twilio/voice", form); err == nil {
			_ = response.Body.Close()
		}
	}
	if !c.waited("CA2") || c.waited("CA3") {
		t.Errorf("late: %v", c.late)
	}
}
