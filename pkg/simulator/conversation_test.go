package simulator

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// A pipeline that answers calls as it should is found to, on whatever the flag
// does meanwhile and whatever goes wrong around it.
func TestCallsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"none", "all"} {
		t.Run(faults, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.config.Calls, f.config.VoiceURL, f.config.Seed = 250, voicePath, 5
			f.config.Faults, _ = ParseFaults(faults)
			var on atomic.Bool
			f.decide = func(string) bool { return on.Load() }
			s := f.start()
			turn := func(to bool) {
				f.switching.Lock()
				defer f.switching.Unlock()
				on.Store(to)
				s.FlagChanged(to, time.Now())
			}
			turn(true)
			var asked atomic.Int32
			f.twiml = func(_, document string) string {
				if n := asked.Add(1); n == 30 || n == 60 {
					go turn(n == 60)
				}
				return document
			}
			f.run(s)
			report := f.verify(s)
			if !report.Identical() {
				t.Errorf("not identical:\n%s", report)
			}
			if p := s.Progress(); report.Answered < 60 || report.Answered != p.Answered || p.Misheard != 0 || int(asked.Load()) != p.Answered {
				t.Errorf("%d answered of %d asked, progress %+v", report.Answered, asked.Load(), p)
			}
			checkVariety(t, s)
		})
	}
}

// checkVariety sees to it that the calls are of all kinds.
func checkVariety(t *testing.T, s *Simulator) {
	t.Helper()
	seen := map[string]int{}
	for _, c := range s.calls {
		if c.voice == nil {
			continue
		}
		for _, r := range c.recordings {
			seen[r.source]++
		}
		for _, l := range c.legs[1:] {
			seen["dialled "+string(l.status)]++
		}
		switch {
		case c.voice.farewell != nil:
			seen["the caller hung up"]++
		case c.voice.answers == 2:
			seen["the called party hung up"]++
		}
		if len(c.voice.recorded) > 0 && len(c.recordings) == 0 {
			seen["asked for a recording that never began"]++
		}
	}
	for _, kind := range []string{
		schema.SourceDialVerb, schema.SourceRecordVerb, "dialled completed", "dialled no-answer", "dialled busy",
		"the caller hung up", "the called party hung up", "asked for a recording that never began",
	} {
		if seen[kind] == 0 {
			t.Errorf("no call where %s, among %v", kind, seen)
		}
	}
}

// Without a voice URL calls are as they were written.
func TestScriptsStayAsTheyAreWithoutAVoiceURL(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.VoiceURL, f.config.VoiceNumbers = voicePath, []string{"+15005550002"}
	s := f.start()
	for i := range 200 {
		c, err := s.placeCall(i)
		if err != nil {
			t.Fatal(err)
		}
		written := newScript(f.config.Seed, i, *s.world)
		asks := written.asks && written.legs[0].to.want == "+15005550002"
		if (c.voice != nil) != asks {
			t.Errorf("%s call to %s asks a voice URL: %t", c.scenario, c.legs[0].to.want, c.voice != nil)
		}
		if !asks && !slices.Equal(c.legs, written.legs) {
			t.Errorf("call %d is not as it was written", i)
		}
	}
}

// Whatever is no answer to a caller is found.
func TestVerifyFindsCallersWhoHearErrors(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(f *fake){
		"status 503 Service Unavailable": func(f *fake) { f.refuse = refuseVoice(http.StatusServiceUnavailable) },
		"status 302 Found":               func(f *fake) { f.refuse = refuseVoice(http.StatusFound) },
		"no XML":                         func(f *fake) { f.twiml = func(string, string) string { return "<Response>" } },
		"content of type":                func(f *fake) { f.refuse = refuseVoice(http.StatusOK) },
		"<Message>": func(f *fake) {
			f.twiml = func(string, string) string { return "<Response><Message/></Response>" }
		},
		"again and again": func(f *fake) {
			f.twiml = func(string, string) string {
				return `<Response><Dial action="/twilio/voice?org=org-1"><Number>+16465550123</Number></Dial></Response>`
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.config.Calls, f.config.VoiceURL = 40, voicePath
			f.decide = func(string) bool { return false }
			spoil(f)
			s := f.start()
			f.run(s)
			found := 0
			for _, d := range f.verify(s).Differences {
				if d.What == "answer to the caller" && strings.Contains(d.Got, name) {
					found++
				}
			}
			if found == 0 || found != s.Progress().Misheard {
				t.Errorf("found %d callers who heard an error, of %d", found, s.Progress().Misheard)
			}
		})
	}
}

func refuseVoice(status int) func(*http.Request, []byte) int {
	return func(r *http.Request, _ []byte) int {
		if r.URL.Path == "/twilio/voice" {
			return status
		}
		return 0
	}
}

// What is wrong with decisions and recordings by TwiML is found, and named.
func TestVerifyFindsWrongRecordingByTwiML(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flag   bool
		twiml  func(f *fake, document string) string
		tamper func(row *schema.CallRecord)
		what   string
	}{
		"recorded while off":            {false, func(f *fake, _ string) string { return f.voicemail(true) }, nil, "recording by TwiML"},
		"decided against what was done": {true, func(f *fake, _ string) string { return f.voicemail(false) }, nil, "decision"},
		"no decision":                   {true, nil, func(row *schema.CallRecord) { row.Decision = nil }, "decision"},
		"another rule": {true, nil, func(row *schema.CallRecord) {
			if row.Decision != nil && row.Decision.Rule == schema.RuleTwiML {
				d := *row.Decision
				d.Rule = schema.RuleEnabled
				row.Decision = &d
			}
		}, "decision"},
		"not its own": {true, nil, func(row *schema.CallRecord) {
			for i := range row.Recordings {
				row.Recordings[i].Own = row.Recordings[i].Own && row.Recordings[i].Source == schema.SourceStartCallRecordingAPI
			}
		}, "recording's owner is callstream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.config.Calls, f.config.VoiceURL, f.config.VoiceNumbers = 50, voicePath, f.config.Numbers[1:]
			f.decide = func(string) bool { return test.flag }
			if test.twiml != nil {
				f.twiml = func(_, document string) string { return test.twiml(f, document) }
			}
			s := f.start()
			s.FlagChanged(test.flag, time.Now())
			f.run(s)
			if test.tamper != nil {
				f.tamper = func(row *schema.CallRecord) bool { test.tamper(row); return true }
			}
			if !slices.ContainsFunc(f.verify(s).Differences, func(d Difference) bool { return d.What == test.what }) {
				t.Errorf("no difference in %s", test.what)
			}
		})
	}
}
