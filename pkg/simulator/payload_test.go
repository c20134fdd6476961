package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// newsOf collects what is told of the first calls, with a recording started on
// each that can have one.
func newsOf(t *testing.T, calls int) (*Simulator, map[string]news) {
	t.Helper()
	f := newFake(t)
	f.config.Faults = Faults{Absent: 0.3}
	s := f.start()
	all := map[string]news{}
	for i := range calls {
		c := newCall(callEntry{Index: i, Seed: f.config.Seed, At: time.Now(), Speed: 1, Faults: f.config.Faults}, testWorld(), s.clips)
		c.recordings = append(c.recordings, c.startedRecording(recordingEntry{
			SID: c.nextRecordingSID(c.legs[0].sid), CallSID: c.legs[0].sid, At: c.moment(3), Channels: 2, Track: "both",
			Callback: "https://example.com/r", Events: []string{"in-progress", "completed", "absent"},
		}, s.clips))
		told := s.scriptNews(c)
		for _, r := range c.recordings {
			told = append(told, s.recordingNews(r)...)
		}
		for _, n := range told {
			if _, twice := all[n.id]; twice {
				t.Errorf("%s is told twice", n.id)
			}
			all[n.id] = n
		}
	}
	return s, all
}

func TestCallParameters(t *testing.T) {
	t.Parallel()
	_, all := newsOf(t, 200)
	finals := map[string]bool{}
	for id, n := range all {
		if n.params == nil || !strings.HasPrefix(id, schema.CallPrefix) {
			continue
		}
		for _, name := range []string{"CallSid", "AccountSid", "CallStatus", "Direction", "Timestamp", "SequenceNumber", "ApiVersion"} {
			if n.params.Get(name) == "" {
				t.Errorf("%s has no %s", id, name)
			}
		}
		if got := n.params.Get("CallbackSource"); got != "call-progress-events" {
			t.Errorf("%s comes from %q", id, got)
		}
		if _, err := time.Parse(time.RFC1123Z, n.params.Get("Timestamp")); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		completed := strings.HasSuffix(id, "/completed")
		if n.params.Has("CallDuration") != completed {
			t.Errorf("%s: duration %q", id, n.params.Get("CallDuration"))
		}
		if completed {
			finals[n.params.Get("CallStatus")] = true
		}
		if strings.HasSuffix(id, "/answered") && (n.params.Get("CallStatus") != "in-progress" || !n.urgent) {
			t.Errorf("%s is %s, urgent %t", id, n.params.Get("CallStatus"), n.urgent)
		}
	}
	for _, status := range []string{"completed", "busy", "no-answer", "failed", "canceled"} {
		if !finals[status] {
			t.Errorf("no call ends %s", status)
		}
	}
}

func TestRecordingParameters(t *testing.T) {
	t.Parallel()
	_, all := newsOf(t, 200)
	seen := map[string]bool{}
	for id, n := range all {
		if !strings.HasPrefix(id, schema.RecordingPrefix) {
			continue
		}
		p, status := n.params, n.params.Get("RecordingStatus")
		seen[p.Get("RecordingSource")], seen[status] = true, true
		if p.Has("From") || p.Has("To") {
			t.Errorf("%s names the parties", id)
		}
		if p.Has("RecordingDuration") != (status == "completed") {
			t.Errorf("%s is %s and lasts %q", id, status, p.Get("RecordingDuration"))
		}
		if bad := status == "absent" || status == "failed"; bad != (p.Get("ErrorCode") != "0") {
			t.Errorf("%s is %s with error %s", id, status, p.Get("ErrorCode"))
		}
		if p.Get("RecordingSource") == "Trunking" && n.callback != "" {
			t.Errorf("%s of a trunk has a callback", id)
		}
	}
	for _, want := range []string{"StartCallRecordingAPI", "DialVerb", "RecordVerb", "Trunking", "OutboundAPI", "completed", "absent", "failed", "in-progress"} {
		if !seen[want] {
			t.Errorf("no recording is %s", want)
		}
	}
}

// A recording whose callback was not asked for an outcome is not told of.
func TestRecordingCallbackIsToldWhatItAskedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s, c := f.placed("outbound", 3600)
	for _, test := range []struct {
		callback string
		events   []string
		want     []string
	}{
		{"https://example.com/r", []string{"completed"}, []string{"completed"}},
		{"https://example.com/r", []string{"in-progress", "completed"}, []string{"in-progress", "completed"}},
		{"https://example.com/r", []string{"absent"}, nil},
		{"", []string{"completed"}, nil},
	} {
		r := c.startedRecording(recordingEntry{SID: "RE1", CallSID: c.legs[0].sid, At: c.moment(9), Channels: 1, Callback: test.callback, Events: test.events}, s.clips)
		var got []string
		for _, n := range s.recordingNews(r) {
			got = append(got, n.params.Get("RecordingStatus"))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("callback %q for %v is told %v, want %v", test.callback, test.events, got, test.want)
		}
	}
}

// Insights spells in its own way, and says the same.
func TestSummaries(t *testing.T) {
	t.Parallel()
	_, all := newsOf(t, 300)
	states := map[string]bool{}
	for id, n := range all {
		if !strings.HasPrefix(n.event, summaryPrefix) {
			continue
		}
		data := n.data.(map[string]any)
		state := data["call_state"].(string)
		states[state] = true
		if status, ok := schema.ParseCallStatus(state); !ok {
			t.Errorf("%s: call_state %q is nobody's spelling", id, state)
		} else if ended := data["end_time"] != nil; ended != status.Final() {
			t.Errorf("%s is %s with end %v", id, status, data["end_time"])
		}
		direction := data["properties"].(map[string]any)["direction"].(string)
		if strings.Contains(direction, "-") {
			t.Errorf("%s: direction %q has a hyphen", id, direction)
		}
	}
	for _, want := range []string{"completed", "busy", "noanswer", "fail", "ringing"} {
		if !states[want] {
			t.Errorf("no summary says %q: %v", want, states)
		}
	}
}

// Events come in all three families of names, as arrays of one and of several,
// with data as object and as text; the news of an answer waits for nothing.
func TestDeliveriesVary(t *testing.T) {
	t.Parallel()
	s, all := newsOf(t, 300)
	c := newCall(callEntry{Seed: 1, At: time.Now(), Speed: 1}, testWorld(), s.clips)
	families, quoted, several := map[string]int{}, 0, 0
	for _, n := range all {
		for _, d := range s.deliveries(c, []news{n}) {
			if n.urgent && d.due.Sub(n.due) > time.Second {
				t.Errorf("%s leaves %s late", n.id, d.due.Sub(n.due))
			}
			for _, e := range d.events {
				for _, family := range []string{statusCallbackPrefix, deprecatedPrefix, shortPrefix} {
					if strings.HasPrefix(e.Type, family) {
						families[family]++
					}
				}
				if e.Data[0] == '"' {
					quoted++
				}
				if present := presentType(e.Type); present != n.event {
					t.Errorf("%s is spelled %s, which means %s", n.event, e.Type, present)
				}
			}
		}
	}
	for i := range 300 {
		for _, d := range s.deliveries(c, s.scriptNews(newCall(callEntry{Index: i, Seed: 1, At: time.Now(), Speed: 1}, testWorld(), s.clips))) {
			if len(d.events) > 1 {
				several++
			}
		}
	}
	if len(families) != 3 || families[statusCallbackPrefix] < 5*families[deprecatedPrefix] || quoted == 0 || several == 0 {
		t.Errorf("families %v, %d texts, %d batches", families, quoted, several)
	}
}

// Without faults nothing is disturbed; with all, everything is at some time.
func TestFaultsDisturbDeliveries(t *testing.T) {
	t.Parallel()
	s, all := newsOf(t, 100)
	for _, p := range []float64{0, 1} {
		c := newCall(callEntry{Seed: 1, At: time.Now(), Speed: 1, Faults: Faults{Duplicates: p, Reorder: p, Delay: p, LostCallbacks: p}}, testWorld(), s.clips)
		for _, n := range all {
			if n.callback == "" {
				continue
			}
			d := s.callbackDelivery(c, n)
			faulty := p == 1
			if d.lost != faulty || d.duplicate != faulty || d.due.After(n.due) != faulty {
				t.Fatalf("with probability %v %s is lost %t, duplicate %t, late %s", p, n.id, d.lost, d.duplicate, d.due.Sub(n.due))
			}
		}
	}
}

// A callback by GET carries its parameters in the query, and is signed over it.
func TestCallbackByGet(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	got := make(chan *http.Request, 1)
	f.refuse = func(r *http.Request, _ []byte) int { got <- r; return http.StatusNoContent }
	s := f.start()
	d := delivery{dice: newDice(1, "x"), url: f.config.Target + "/twilio/recording?org=1", method: "GET", form: map[string][]string{"A": {"b c"}}}
	if outcome, answer := s.sendCallback(t.Context(), d); outcome != delivered {
		t.Fatalf("%s: %s", outcome, answer)
	}
	r := <-got
	if target := "https://" + r.Host + r.URL.RequestURI(); r.Method != "GET" || r.URL.Query().Get("A") != "b c" || r.Header.Get("X-Twilio-Signature") != signText(testToken, target) {
		t.Errorf("%s %s signed %s", r.Method, target, r.Header.Get("X-Twilio-Signature"))
	}
}

// Only what is addressed to callstream goes to where it is dialled.
func TestReach(t *testing.T) {
	t.Parallel()
	s := &Simulator{config: Config{Target: "https://calls.example.com", Dial: "http://127.0.0.1:8080"}}
	for target, want := range map[string]string{
		"https://calls.example.com/twilio/events?org=1": "http://127.0.0.1:8080/twilio/events?org=1",
		"https://calls.example.com":                     "http://127.0.0.1:8080",
		"https://calls.example.com.evil.example/x":      "https://calls.example.com.evil.example/x",
		"https://other.example.com/x":                   "https://other.example.com/x",
	} {
		if got := s.reach(target); got != want {
			t.Errorf("%s is reached at %s, want %s", target, got, want)
		}
	}
}

// A callback is tried once more when nobody listens, and is lost then.
func TestCallbackToNobody(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	f.config.Dial = nobody.URL
	s := f.start()
	d := delivery{dice: newDice(1, "x"), url: f.config.Target + "/twilio/call-status", method: "POST", form: map[string][]string{"A": {"b"}}}
	if outcome, answer := s.sendCallback(t.Context(), d); outcome != lost || answer.err == nil {
		t.Errorf("%s: %s, want lost", outcome, answer)
	}
}

// The reasons for not recording hold only where they are true.
func TestExcuses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := &Simulator{state: state{flags: []flagEntry{{On: true, At: now.Add(-time.Hour)}}}}
	living := family{answered: true, owned: true, known: now, ends: now.Add(time.Minute)}
	with := func(change func(*family)) *family { f := living; change(&f); return &f }
	for _, test := range []struct {
		rule  schema.Rule
		f     *family
		after time.Duration // from the answer to the decision
		want  bool
	}{
		{schema.RuleDisabled, &living, 0, false},
		{schema.RuleNumberUnknown, &living, 0, false},
		{schema.RuleNumberUnknown, with(func(f *family) { f.owned = false }), 0, true},
		{schema.RuleDisabled, with(func(f *family) { f.owned = false }), 0, false},
		{schema.RuleCallEnded, &living, 0, false},
		{schema.RuleCallEnded, &living, time.Minute, true},
		{schema.RuleCallEnded, with(func(f *family) { f.refused = true }), 0, true},
		{schema.RuleStale, &living, time.Minute, false},
		{schema.RuleStale, &living, 2 * time.Minute, true},
		{schema.RuleTwilioAway, &living, time.Minute, false},
		{schema.RuleTwilioAway, &living, 2 * time.Minute, true},
		{schema.RuleAlreadyRunning, &living, time.Second, false},
		{schema.RuleAlreadyRunning, with(func(f *family) { f.foreign = []time.Time{now} }), time.Second, true},
		{schema.RuleAlreadyRunning, with(func(f *family) { f.foreign = []time.Time{now.Add(time.Minute)} }), time.Second, false},
		{schema.RuleLookupFailed, &living, time.Hour, false},
		{schema.RuleTwilioRefused, &living, time.Hour, false},
		{schema.RuleNoSettings, &living, time.Hour, false},
	} {
		d := schema.Decision{Outcome: schema.NotStarted, Rule: test.rule, DecidedAt: now.Add(test.after)}
		if got := s.excuses(test.f, d); got != test.want {
			t.Errorf("%s %s after the answer excuses %+v: %t, want %t", test.rule, test.after, test.f, got, test.want)
		}
	}
}

// The journal's lines are JSON that anybody can read.
func TestEntriesReadBack(t *testing.T) {
	t.Parallel()
	faults, _ := ParseFaults("all")
	want := entry{Call: &callEntry{Index: 3, Seed: 1 << 63, At: time.Now().UTC(), Speed: 20, Faults: faults}}
	line, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got entry
	if err := json.Unmarshal(line, &got); err != nil || *got.Call != *want.Call {
		t.Errorf("%s read back as %+v, %v", line, got.Call, err)
	}
}
