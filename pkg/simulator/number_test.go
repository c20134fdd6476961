package simulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/schema"
)

// numberPath is a number's resource.
func numberPath(s *Simulator, number string) string {
	return apiRoot + "/IncomingPhoneNumbers/" + s.numberAt(number).SID + ".json"
}

// What a request sets up stays, over a restart and against the configuration.
func TestNumbersAreSetUpOverREST(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.config.Dir, f.config.VoiceURL = t.TempDir(), voicePath
	first := f.start()
	path := numberPath(first, "+15005550002")
	var shown struct {
		VoiceURL string `json:"voice_url"`
		Method   string `json:"voice_method"`
		Status   string `json:"status_callback"`
	}
	if err := f.ask("GET", path, nil, &shown); err != nil || shown.VoiceURL != f.config.Target+voicePath || shown.Method != "POST" {
		t.Errorf("the configured number is %+v, %v", shown, err)
	}
	form := url.Values{"VoiceUrl": {"https://example.com/voice"}, "VoiceMethod": {"GET"}, "StatusCallback": {"https://example.com/status"}}
	if err := f.ask("POST", path, form, &shown); err != nil || shown.VoiceURL != "https://example.com/voice" || shown.Status != "https://example.com/status" {
		t.Errorf("the changed number is %+v, %v", shown, err)
	}
	for _, wrong := range []struct {
		name, value string
		code        int
	}{{"VoiceUrl", "/voice", 21502}, {"StatusCallback", "ftp://example.com", 21502}, {"VoiceMethod", "PUT", 21403}, {"SmsUrl", "x", 20001}} {
		if code := f.refused("POST", path, url.Values{wrong.name: {wrong.value}}); code != wrong.code {
			t.Errorf("%s %s: code %d, want %d", wrong.name, wrong.value, code, wrong.code)
		}
	}
	if code := f.refused("GET", apiRoot+"/IncomingPhoneNumbers/PN1.json", nil); code != 20404 {
		t.Errorf("an unknown number: code %d", code)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := f.start()
	if n := second.numberAt("+15005550002"); n.VoiceURL != "https://example.com/voice" || n.VoiceMethod != "GET" {
		t.Errorf("after a restart the number is %+v", n)
	}
	var listed struct {
		Numbers []map[string]any `json:"incoming_phone_numbers"`
	}
	if err := f.ask("GET", apiRoot+"/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550001", nil, &listed); err != nil || len(listed.Numbers) != 1 {
		t.Errorf("listed %v, %v", listed.Numbers, err)
	}
}

// A number that is connected by a request has its calls answered, and its
// statuses told, where the request says: by whoever that is.
func TestACustomersOwnVoiceURL(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var mu sync.Mutex
	told := map[string]int{}
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told[r.Method+" "+r.URL.Path]++
		mu.Unlock()
		if target := "http://" + r.Host + r.URL.RequestURI(); r.Method == http.MethodGet && r.Header.Get("X-Twilio-Signature") != signText(testToken, target) {
			t.Errorf("%s is signed wrongly", target)
		}
		writeTwiML(w, `<Response><Record recordingStatusCallback="`+f.callback("/twilio/recording")+`" recordingStatusCallbackEvent="completed absent" action="/done"/></Response>`)
	}))
	t.Cleanup(own.Close)
	f.config.Calls = 60
	s := f.start()
	for _, number := range f.config.Numbers {
		form := url.Values{"VoiceUrl": {own.URL + "/voice"}, "VoiceMethod": {"GET"}, "StatusCallback": {own.URL + "/status"}}
		if err := f.ask("POST", numberPath(s, number), form, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.FlagChanged(true, time.Now())
	f.run(s)
	report := f.verify(s)
	if !report.Identical() || report.Answered != 0 {
		t.Errorf("callstream answered %d calls:\n%s", report.Answered, report)
	}
	p := s.Progress()
	if p.Answered == 0 || told["GET /voice"] != p.Answered || told["POST /status"] != p.Answered || told["POST /done"] == 0 {
		t.Errorf("%d calls answered, told %v", p.Answered, told)
	}
	recorded := slices.ContainsFunc(s.calls, func(c *call) bool {
		return c.voice != nil && slices.ContainsFunc(c.recordings, func(r *recording) bool { return !r.own && r.source == schema.SourceRecordVerb })
	})
	if !recorded {
		t.Error("no message was left")
	}
}

// What an account has unlike others shows where its owner would see it.
func TestTraits(t *testing.T) {
	t.Parallel()
	const answered, completed = statusCallbackPrefix + "call.answered", statusCallbackPrefix + "call.completed"
	f := newFake(t)
	f.config.Account = Traits{
		Status: "suspended", Type: "Trial", NoInsights: true, Encrypted: true, External: true,
		Types: map[string]string{answered: "restricted", completed: ""},
	}
	_, c := f.placed("voicemail", 3600)
	for path, wants := range map[string][]string{
		apiRoot + ".json":       {`"status":"suspended"`, `"type":"Trial"`},
		"/v1/Voice/Settings":    {`"advanced_features":false`},
		"/v1/Types/" + answered: {`"status":"restricted"`},
		apiRoot + "/Recordings/" + c.recordings[0].sid + ".json": {`"public_key_sid":"CR`, `"media_url":"https://recordings.s3.example.com/`},
	} {
		var body json.RawMessage
		if err := f.ask("GET", path, nil, &body); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, want := range wants {
			if !strings.Contains(string(body), want) {
				t.Errorf("%s answers %s, want %s", path, body, want)
			}
		}
	}
	for _, missing := range []string{"/v1/Types/" + completed, apiRoot + "/Recordings/" + c.recordings[0].sid + ".mp3", "/2010-04-01/Accounts/AC1.json"} {
		if code := f.refused("GET", missing, nil); code != 20404 {
			t.Errorf("%s: code %d", missing, code)
		}
	}
	sink := f.sink("https://example.com/1")
	for _, name := range []string{answered, completed} {
		form := url.Values{"Description": {"d"}, "SinkSid": {sink}, "Types": {`{"type":"` + name + `"}`}}
		if code := f.refused("POST", "/v1/Subscriptions", form); code != 91104 {
			t.Errorf("a subscription to %s: code %d", name, code)
		}
	}
}

// A caller is not made to wait for what cannot be reached: it hears an error,
// and the call is over.
func TestAVoiceURLThatCannotBeReached(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	f.config.VoiceURL, f.config.Calls = gone.URL+"/voice", 10
	s := f.start()
	f.run(s)
	for _, c := range s.calls {
		if c.voice != nil && (len(c.voice.errors) != 1 || !c.ended() || c.legs[0].answer < 0) {
			t.Errorf("%s call: %+v, %+v", c.scenario, c.voice, c.legs[0])
		}
	}
	if s.Progress().Misheard == 0 {
		t.Error("no call asked")
	}
}
