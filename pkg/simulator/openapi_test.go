package simulator

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/twilio/twiliospec"
)

// allEndpoints has the one that is served beside the others too.
func allEndpoints() []endpoint { return append(endpoints(), fetchRecordingEndpoint) }

// fill puts SIDs into an endpoint's path.
func fill(path, call, recording, sink, sub string) string {
	prefix := "/v1/Sinks/"
	sid := sink
	if strings.HasPrefix(path, "/v1/Subscriptions") {
		sid, prefix = sub, "/v1/Subscriptions/"
	}
	file := recording + ".json"
	if strings.HasSuffix(path, "/Calls/{file}") {
		file = call + ".json"
	}
	path = strings.Replace(path, prefix+"{sid}", prefix+sid, 1)
	if strings.HasSuffix(path, "/IncomingPhoneNumbers/{file}") {
		file = "PN" + recording[2:] + ".json"
	}
	if strings.HasSuffix(path, "/Accounts/{file}") {
		file = testAccount + ".json"
	}
	return strings.NewReplacer("{account}", testAccount, "{call}", call, "{file}", file,
		"{type}", statusCallbackPrefix+"call.answered").Replace(path)
}

// examples are values that parameters take, for those that are not any text.
var examples = map[string]string{
	"PageSize": "20", "Page": "1", "PageToken": "PA1", "IncludeSoftDeleted": "true", "InUse": "true", "Status": "completed",
	"StartTime": "2026-01-01T00:00:00Z", "StartTime<": "2026-01-01T00:00:00Z", "StartTime>": "2026-01-01T00:00:00Z", "EndTime": "2026-01-01T00:00:00Z",
	"EndTime<": "2026-01-01T00:00:00Z", "EndTime>": "2026-01-01T00:00:00Z", "DateCreated": "2026-01-01T00:00:00Z", "DateCreated<": "2026-01-01T00:00:00Z",
	"DateCreated>": "2026-01-01T00:00:00Z", "RecordingStatusCallback": "https://example.com/", "RecordingStatusCallbackMethod": "POST",
	"RecordingStatusCallbackEvent": "completed", "SinkType": "webhook", "SinkConfiguration": `{"destination":"https://example.com/"}`,
	"SchemaVersion": "1", "Types": `{"type":"` + statusCallbackPrefix + `call.answered"}`,
	"CallSid": "CA00000000000000000000000000000001", "ParentCallSid": "CA00000000000000000000000000000001",
	"VoiceUrl": "https://example.com/", "VoiceMethod": "POST", "StatusCallback": "https://example.com/", "StatusCallbackMethod": "GET",
	"TrunkSid": "TK00000000000000000000000000000001", "Beta": "false", "PhoneNumber": "+15005550001",
	"ConferenceSid": "CF00000000000000000000000000000001", "SinkSid": "DG00000000000000000000000000000001",
}

func newRequest(method, path string, params url.Values) (*http.Request, []byte) {
	var body []byte
	if method == http.MethodPost {
		body = []byte(params.Encode())
	} else if len(params) > 0 {
		path += "?" + params.Encode()
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.SetBasicAuth(testAccount, testToken)
	return r, body
}

// Every parameter that an endpoint takes is one that Twilio's OpenAPI names
// for it, and every path and method is one that it has.
func TestEndpointsTakeWhatTwiliosOpenAPINames(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	const zeros = "00000000000000000000000000000001"
	for _, e := range allEndpoints() {
		if strings.HasPrefix(e.path, "/v1/Voice/") {
			continue // of an API that the judge has no document of
		}
		path := fill(e.path, "CA"+zeros, "RE"+zeros, "DG"+zeros, "DF"+zeros)
		params := url.Values{}
		for _, name := range e.params {
			params.Set(name, orDefault(examples[name], "text"))
			if strings.HasPrefix(name, "DateCreated") && strings.Contains(path, "/Calls/") {
				params.Set(name, "2026-01-01") // A day here, a time in the account's list.
			}
			if e.method == http.MethodPost && name == "Status" {
				params.Set(name, "paused")
			}
			if e.path == "/v1/Sinks" && name == "Status" {
				params.Set(name, "active")
			}
		}
		for name, value := range map[string]string{"RecordingChannels": "dual", "RecordingTrack": "both", "Trim": "do-not-trim", "PauseBehavior": "skip"} {
			if params.Has(name) {
				params.Set(name, value)
			}
		}
		r, body := newRequest(e.method, path, params)
		if err := spec.Check(r, body); err != nil {
			t.Errorf("%s %s: %v", e.method, e.path, err)
		}
		params.Set("Bogus", "1")
		r, body = newRequest(e.method, path, params)
		if err := spec.Check(r, body); err == nil {
			t.Errorf("%s %s: the judge lets anything pass", e.method, e.path)
		}
		if _, err := e.check(r); err == nil || !strings.Contains(err.Error(), "Bogus") {
			t.Errorf("%s %s: an unknown parameter passes: %v", e.method, e.path, err)
		}
	}
}

// Every answer is of the form that Twilio's OpenAPI promises.
func TestAnswersAreAsTwiliosOpenAPIPromises(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	f := newFake(t)
	s, live := f.placed("outbound", 11)
	over, trunk := f.place(s, "voicemail", 3600), f.place(s, "recorded-twice", 3600)
	calls, recordings := apiRoot+"/Calls", apiRoot+"/Recordings"
	liveCall, recording := calls+"/"+live.legs[0].sid, recordings+"/"+over.recordings[0].sid
	number := apiRoot + "/IncomingPhoneNumbers/" + s.numberAt("+15005550001").SID + ".json"
	answered, completed := statusCallbackPrefix+"call.answered", statusCallbackPrefix+"call.completed"
	sink, subscribed := "/v1/Sinks/"+f.sink("https://example.com/1"), f.sink("https://example.com/2")
	sub := "/v1/Subscriptions/" + f.subscribe(f.sink("https://example.com/3"), answered, completed)

	for _, step := range []struct {
		method, path string
		form         url.Values
		status       int
	}{
		{"GET", calls + ".json?PageSize=2", nil, 200},
		{"GET", liveCall + ".json", nil, 200},
		{"GET", calls + "/" + over.legs[0].sid + ".json", nil, 200},
		{"POST", liveCall + "/Recordings.json", url.Values{"RecordingChannels": {"dual"}}, 201},
		{"GET", liveCall + "/Recordings.json", nil, 200},
		{"POST", liveCall + "/Recordings/Twilio.CURRENT.json", url.Values{"Status": {"paused"}}, 200},
		{"GET", recordings + ".json?PageSize=1", nil, 200},
		{"GET", recording + ".json", nil, 200},
		{"GET", recordings + "/" + trunk.recordings[0].sid + ".json", nil, 200},
		{"DELETE", recording + ".json", nil, 204},
		{"GET", recording + ".json?IncludeSoftDeleted=true", nil, 200},
		{"POST", "/v1/Sinks", url.Values{"Description": {"d"}, "SinkType": {"webhook"}, "SinkConfiguration": {examples["SinkConfiguration"]}}, 201},
		{"GET", "/v1/Sinks?PageSize=1", nil, 200},
		{"GET", sink, nil, 200},
		{"POST", sink, url.Values{"Description": {"changed"}}, 200},
		{"POST", sink + "/Test", nil, 201},
		{"DELETE", sink, nil, 204},
		{"POST", "/v1/Subscriptions", url.Values{"Description": {"d"}, "SinkSid": {subscribed}, "Types": {examples["Types"]}}, 201},
		{"GET", "/v1/Subscriptions?SinkSid=" + subscribed, nil, 200},
		{"GET", sub, nil, 200},
		{"POST", sub, url.Values{"Description": {"changed"}}, 200},
		{"GET", sub + "/SubscribedEvents", nil, 200},
		{"POST", sub + "/SubscribedEvents", url.Values{"Type": {summaryPrefix + "complete"}, "SchemaVersion": {"7"}}, 201},
		{"GET", sub + "/SubscribedEvents/" + answered, nil, 200},
		{"POST", sub + "/SubscribedEvents/" + answered, url.Values{"SchemaVersion": {"2"}}, 200},
		{"DELETE", sub + "/SubscribedEvents/" + completed, nil, 204},
		{"DELETE", sub, nil, 204},
		{"GET", apiRoot + ".json", nil, 200},
		{"GET", apiRoot + "/IncomingPhoneNumbers.json?PageSize=1", nil, 200},
		{"GET", number, nil, 200},
		{"POST", number, url.Values{"VoiceUrl": {"https://example.com/voice"}, "StatusCallback": {"https://example.com/status"}}, 200},
		{"GET", "/v1/Types?PageSize=3", nil, 200},
		{"GET", "/v1/Types/" + answered, nil, 200},
	} {
		r, _ := newRequest(step.method, step.path, step.form)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != step.status {
			t.Errorf("%s %s answers %d %s", step.method, step.path, w.Code, w.Body)
		}
		r.URL.Path = strings.Replace(r.URL.Path, "Twilio.CURRENT", over.recordings[0].sid, 1)
		if err := spec.CheckResponse(r, w.Code, w.Header(), w.Body.Bytes()); err != nil {
			t.Errorf("%s %s: %v\n%s", step.method, step.path, err, w.Body)
		}
	}
}
