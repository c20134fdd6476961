package simulator

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

const apiRoot = "/2010-04-01/Accounts/" + testAccount

// slow is a speed at which a call stands still while a test looks at it.
const slow = 0.01

// placed makes a simulator with one call that began so many of its own seconds
// ago, without running it.
func (f *fake) placed(scenario string, seconds int) (*Simulator, *call) {
	f.t.Helper()
	s := f.start()
	return s, f.place(s, scenario, seconds)
}

// place adds such a call.
func (f *fake) place(s *Simulator, scenario string, seconds int) *call {
	f.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for index := range 5000 {
		if newScript(f.config.Seed, index, testWorld()).scenario != scenario {
			continue
		}
		err := s.commit(entry{Call: &callEntry{
			Index: index, Seed: f.config.Seed, At: time.Now().Add(-time.Duration(float64(seconds) / slow * float64(time.Second))),
			Speed: slow, Faults: f.config.Faults,
		}})
		if err != nil {
			f.t.Fatal(err)
		}
		return s.calls[len(s.calls)-1]
	}
	f.t.Fatalf("no %s call", scenario)
	return nil
}

func TestStartRecording(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("outbound", 11)
	path := apiRoot + "/Calls/" + c.legs[0].sid + "/Recordings.json"
	form := url.Values{
		"RecordingChannels": {"dual"}, "RecordingStatusCallback": {"https://callstream.example.com/twilio/recording"},
		"RecordingStatusCallbackEvent": {"in-progress completed absent"}, "Trim": {"do-not-trim"},
	}
	var first, second recordingResource
	for _, into := range []*recordingResource{&first, &second} {
		if status, err := f.askOnce("POST", path, form, into); status != http.StatusCreated || err != nil {
			t.Fatalf("start answers %d, %v", status, err)
		}
	}
	if first.SID != second.SID || first.Status != schema.RecordingInProgress || first.Channels != 2 || first.Duration != nil {
		t.Errorf("first %+v, second %+v: want one recording, in progress, of two channels", first, second)
	}
	if want := []string{"in-progress", "completed", "absent"}; !slices.Equal(c.recordings[0].events, want) {
		t.Errorf("the callback is asked for %v, want %v", c.recordings[0].events, want)
	}
	for name, bad := range map[string]url.Values{
		"unknown parameter": {"Channels": {"2"}},
		"channels":          {"RecordingChannels": {"stereo"}},
		"event":             {"RecordingStatusCallbackEvent": {"failed"}},
		"trim":              {"Trim": {"yes"}},
	} {
		if got := f.refused("POST", path, bad); got != 20001 {
			t.Errorf("%s: code %d, want 20001", name, got)
		}
	}
}

func TestStartRecordingNeedsALivingCall(t *testing.T) {
	t.Parallel()
	for name, seconds := range map[string]int{"ringing": 0, "over": 3600} {
		f := newFake(t)
		_, c := f.placed("outbound", seconds)
		path := apiRoot + "/Calls/" + c.legs[0].sid + "/Recordings.json"
		if got := f.refused("POST", path, url.Values{}); got != 21220 {
			t.Errorf("%s: code %d, want 21220", name, got)
		}
		if len(c.refused) != 1 || len(c.recordings) != 0 {
			t.Errorf("%s: %d refusals noted and %d recordings, want one and none", name, len(c.refused), len(c.recordings))
		}
	}
}

func TestUpdateRecording(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("outbound", 11)
	path := apiRoot + "/Calls/" + c.legs[0].sid + "/Recordings"
	if got := f.refused("POST", path+"/Twilio.CURRENT.json", url.Values{"Status": {"stopped"}}); got != 20404 {
		t.Errorf("no recording runs, yet stopping it answers %d", got)
	}
	var started, stopped recordingResource
	_ = f.ask("POST", path+".json", url.Values{}, &started)
	if err := f.ask("POST", path+"/Twilio.CURRENT.json", url.Values{"Status": {"paused"}, "PauseBehavior": {"skip"}}, &stopped); err != nil {
		t.Fatal(err)
	}
	if stopped.SID != started.SID || stopped.Status != schema.RecordingPaused || stopped.Channels != 1 {
		t.Errorf("paused %+v", stopped)
	}
}

func TestRecordingLife(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("voicemail", 3600)
	r := c.recordings[0]
	path := apiRoot + "/Recordings/" + r.sid
	var got recordingResource
	if err := f.ask("GET", path+".json", nil, &got); err != nil || got.Status != schema.RecordingCompleted || got.Duration == nil || got.Source != "RecordVerb" {
		t.Errorf("recording %+v, %v", got, err)
	}
	if code := f.refused("GET", path+".mp3?RequestedChannels=2", nil); code != 16113 {
		t.Errorf("two channels of a mono recording: code %d, want 16113", code)
	}
	if audio, err := f.download(r.sid, r.duration()); err != nil || !slices.Equal(audio, r.call.clipsAudio(t, r)) {
		t.Errorf("media: %d bytes, %v", len(audio), err)
	}
	if status, err := f.askOnce("DELETE", path+".json", nil, nil); status != http.StatusNoContent || err != nil {
		t.Errorf("delete: %d, %v", status, err)
	}
	for _, gone := range []struct{ method, path string }{{"DELETE", path + ".json"}, {"GET", path + ".json"}, {"GET", path + ".mp3"}} {
		if code := f.refused(gone.method, gone.path, nil); code != 20404 {
			t.Errorf("%s %s afterwards: code %d, want 20404", gone.method, gone.path, code)
		}
	}
	if err := f.ask("GET", path+".json?IncludeSoftDeleted=true", nil, &got); err != nil || got.Status != schema.RecordingDeleted {
		t.Errorf("soft deleted: %+v, %v", got, err)
	}
	if r.deleted.IsZero() || r.fetched.IsZero() {
		t.Error("the deletion, or the fetch before it, is not remembered")
	}
}

func (c *call) clipsAudio(t *testing.T, r *recording) []byte {
	clips, err := openLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return clips.audio(r.sid, r.clips)
}

// Before its call is over a recording has no media, and a call shows no end.
func TestNothingIsShownEarly(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("voicemail", 5)
	if code := f.refused("GET", apiRoot+"/Recordings/"+c.recordings[0].sid+".mp3", nil); code != 20404 {
		t.Errorf("media of a call that lasts: code %d, want 20404", code)
	}
	var call callResource
	if err := f.ask("GET", apiRoot+"/Calls/"+c.legs[0].sid+".json", nil, &call); err != nil {
		t.Fatal(err)
	}
	if call.Status != schema.StatusInProgress || call.EndTime != nil || call.Duration != nil || call.StartTime == nil {
		t.Errorf("call %+v", call)
	}
	f = newFake(t)
	_, c = f.placed("inbound", 0)
	if code := f.refused("GET", apiRoot+"/Calls/"+c.legs[1].sid+".json", nil); code != 20404 {
		t.Errorf("a child that is not dialled yet: code %d, want 20404", code)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.start()
	for _, path := range []string{apiRoot + "/Calls.json", "/v1/Sinks", "/2010-04-01/Accounts/AC2/Calls.json", apiRoot + "/Recordings/RE1.mp3"} {
		for user, password := range map[string]string{"": "", testAccount: "wrong", "AC2": testToken} {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", f.twilio+path, nil)
			r.SetBasicAuth(user, password)
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s as %q answers %d, want 401", path, user, response.StatusCode)
			}
		}
	}
	if code := f.refused("GET", "/2010-04-01/Accounts/AC2/Calls.json", nil); code != 20003 {
		t.Errorf("another account's calls: code %d, want 20003", code)
	}
}

// Lists go page by page, newest first, each thing once, also when things are
// deleted in between.
func TestListsArePaged(t *testing.T) {
	t.Parallel()
	f, s := ran(t, 30)
	s.mu.Lock()
	legs, recordings := len(s.legs), 0
	for _, r := range s.recordings {
		r.deleted = time.Time{}
		recordings++
	}
	s.mu.Unlock()
	if got := f.walk("calls", apiRoot+"/Calls.json?PageSize=7", nil); got != legs {
		t.Errorf("%d calls listed, want %d", got, legs)
	}
	got := f.walk("recordings", apiRoot+"/Recordings.json?PageSize=4", func(sid string) {
		_ = f.ask("DELETE", apiRoot+"/Recordings/"+sid+".json", nil, nil)
	})
	if got != recordings {
		t.Errorf("%d recordings listed, want %d", got, recordings)
	}
	if got := f.walk("recordings", apiRoot+"/Recordings.json", nil); got != 0 {
		t.Errorf("%d recordings listed after all are deleted", got)
	}
}

// walk follows a list and returns how many different things it has.
func (f *fake) walk(name, next string, visit func(sid string)) int {
	f.t.Helper()
	seen := map[string]bool{}
	for next != "" {
		list := map[string]any{}
		if err := f.ask("GET", next, nil, &list); err != nil {
			f.t.Fatal(err)
		}
		for _, item := range list[name].([]any) {
			sid := item.(map[string]any)["sid"].(string)
			if seen[sid] {
				f.t.Errorf("%s is listed twice", sid)
			}
			seen[sid] = true
			if visit != nil {
				visit(sid)
			}
		}
		next, _ = list["next_page_uri"].(string)
	}
	return len(seen)
}

func TestListsAreFiltered(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("inbound", 3600)
	parent, child := c.legs[0], c.legs[1]
	day := c.fact(0).Format(time.DateOnly)
	for query, want := range map[string]int{
		"":                                    2,
		"ParentCallSid=" + parent.sid:         1,
		"To=" + url.QueryEscape(child.to.raw): 1,
		"Status=completed":                    2,
		"Status=busy":                         0,
		"StartTime=" + day:                    2,
		"StartTime%3E=" + day:                 2,
		"StartTime%3C=2020-01-01":             0,
		"StartTime%3E=2020-01-01&EndTime%3C=2020-01-02": 0,
	} {
		if got := f.walk("calls", apiRoot+"/Calls.json?"+query, nil); got != want {
			t.Errorf("%d calls with %q, want %d", got, query, want)
		}
	}
	if got := f.refused("GET", apiRoot+"/Calls.json?StartTime=yesterday", nil); got != 20001 {
		t.Errorf("a filter that is no date: code %d", got)
	}
}

// A call's recordings hang on its parent leg.
func TestRecordingsHangOnTheParent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, c := f.placed("inbound", 12)
	parent, child := apiRoot+"/Calls/"+c.legs[0].sid, apiRoot+"/Calls/"+c.legs[1].sid
	var started recordingResource
	if err := f.ask("POST", child+"/Recordings.json", url.Values{}, &started); err != nil || started.CallSID != c.legs[0].sid {
		t.Errorf("a recording started on the child hangs on %s, %v", started.CallSID, err)
	}
	if got := f.walk("recordings", parent+"/Recordings.json", nil); got != 1 {
		t.Errorf("the parent lists %d recordings, want 1", got)
	}
	if got := f.walk("recordings", child+"/Recordings.json", nil); got != 0 {
		t.Errorf("the child lists %d recordings, want none", got)
	}
}

// Faults of the REST API come to an end.
func TestRESTFaultsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Faults = Faults{RateLimit: 1, Errors: 1}
	_, c := f.placed("outbound", 3600)
	path := apiRoot + "/Calls/" + c.legs[0].sid + ".json"
	failures := 0
	for ; failures < 10; failures++ {
		if _, err := f.askOnce("GET", path, nil, nil); err == nil {
			break
		}
	}
	if failures < 1 || failures > 3 { // A lost answer is asked for again by net/http itself.
		t.Errorf("%d failures before the answer, want 1 to 3", failures)
	}
}

func TestTranscription(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	s := f.start()
	known := s.clips.audio("RE1", []int{0, 5})
	want := s.clips.transcript([]int{0, 5})
	got, err := f.transcribe(known)
	if err != nil || words(got.Text) != want.Text || len(got.Segments) != len(want.Segments) || got.Duration != want.Duration {
		t.Errorf("transcript %+v, %v, want %+v", got, err, want)
	}
	if first := got.Segments[2]; !near(first.Start, s.clips[0].Seconds) {
		t.Errorf("the second clip's first segment starts at %v, want at %v", first.Start, s.clips[0].Seconds)
	}
	var text string
	if status, err := f.upload(known, "text", &text); status != http.StatusOK || err != nil || strings.TrimSpace(text) != want.Text {
		t.Errorf("text %q, %d, %v", text, status, err)
	}
	var one, two schema.Transcript
	_, _ = f.upload([]byte("other audio"), "json", &one)
	_, _ = f.upload([]byte("other audio"), "json", &two)
	if one.Text == "" || one.Text != two.Text {
		t.Errorf("unknown audio is %q and then %q", one.Text, two.Text)
	}
	for name, spoil := range map[string]func() int{
		"no audio":  func() int { status, _ := f.upload(nil, "json", &one); return status },
		"no format": func() int { status, _ := f.upload(known, "srt-like", &one); return status },
	} {
		if status := spoil(); status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, status)
		}
	}
}

func TestTranscriptionFaultsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Faults = Faults{RateLimit: 1, Errors: 1}
	s := f.start()
	audio := s.clips.audio("RE1", []int{1})
	var statuses []int
	for range 3 {
		var into map[string]any
		status, err := f.upload(audio, "json", &into)
		if err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, status)
	}
	if want := []int{429, 500, 200}; !slices.Equal(statuses, want) {
		t.Errorf("answers %v, want %v", statuses, want)
	}
}

// Run ends with its context, and says so.
func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Calls, f.config.Speed, f.config.Rate = 0, 1, 50
	s := f.start()
	ctx, cancel := context.WithCancel(t.Context())
	f.refuse = func(*http.Request, []byte) int { cancel(); return 0 }
	if err := s.Run(ctx); err == nil {
		t.Error("an endless run ended without an error")
	}
}
