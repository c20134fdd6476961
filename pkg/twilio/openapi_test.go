package twilio_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/twilio/twiliospec"
)

// answers are Twilio's to all that the client asks, by method and the end of
// the path.
var answers = []struct {
	method, path string
	status       int
	body         string
}{
	{"GET", "/Calls/" + callSID + ".json", 200, callJSON},
	{"POST", "/Calls/" + callSID + "/Recordings.json", 201, startedJSON},
	{"GET", "/Calls/" + callSID + "/Recordings.json", 200, `{"recordings":[` + startedJSON + `],"next_page_uri":null,"page":0,"page_size":1000}`},
	{"GET", "/Recordings/" + recordingSID + ".json", 200, recordingJSON},
	{"DELETE", "/Recordings/" + recordingSID + ".json", 204, ""},
	{"GET", "/Accounts/" + accountSID + ".json", 200, accountJSON},
	{"GET", "/Accounts/" + accountSID + "/Recordings.json", 200, `{"recordings":[` + recordingJSON + `],"next_page_uri":null,"page":0,"page_size":1}`},
	{"GET", "/IncomingPhoneNumbers.json", 200, `{"incoming_phone_numbers":[` + numberJSON + `],"next_page_uri":null,"page":0,"page_size":1000}`},
	{"POST", "/IncomingPhoneNumbers/" + numberSID + ".json", 200, numberJSON},
	{"POST", "/v1/Sinks", 201, sinkJSON},
	{"GET", "/v1/Sinks", 200, `{"sinks":[` + sinkJSON + `],"meta":{"key":"sinks","page":0,"page_size":1000,"next_page_url":null}}`},
	{"DELETE", "/v1/Sinks/" + sinkSID, 204, ""},
	{"POST", "/v1/Sinks/" + sinkSID + "/Test", 201, `{"result":"submitted"}`},
	{"POST", "/v1/Subscriptions", 201, subscriptionJSON},
	{"GET", "/v1/Subscriptions", 200, `{"subscriptions":[` + subscriptionJSON + `],"meta":{"key":"subscriptions"}}`},
	{"GET", "/v1/Subscriptions/" + subSID, 200, subscriptionJSON},
	{"DELETE", "/v1/Subscriptions/" + subSID, 204, ""},
	{"GET", "/SubscribedEvents", 200, `{"types":[` + subscribedJSON(answeredType, "1") + `,` + subscribedJSON("com.example.old", "1") + `],"meta":{"key":"types"}}`},
	{"POST", "/SubscribedEvents", 201, subscribedJSON(summaryType, "7")},
	{"POST", "/SubscribedEvents/" + answeredType, 200, subscribedJSON(answeredType, "2")},
	{"DELETE", "/SubscribedEvents/com.example.old", 204, ""},
	{"GET", "/v1/Types/" + answeredType, 200, eventTypeJSON},
}

// Every request that the client makes is one that Twilio's OpenAPI describes,
// and the answers of these tests are ones that it promises.
func TestRequestsFollowTwiliosOpenAPI(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		for _, a := range answers {
			if r.Method != a.method || !strings.HasSuffix(r.URL.Path, a.path) {
				continue
			}
			body, _ := io.ReadAll(r.Body)
			if err := spec.Check(r, body); err != nil {
				t.Error(err)
			}
			recorded := httptest.NewRecorder()
			answerJSON(recorded, a.status, a.body)
			if err := spec.CheckResponse(r, a.status, recorded.Header(), recorded.Body.Bytes()); err != nil {
				t.Error(err)
			}
			answerJSON(w, a.status, a.body)
			return
		}
		if r.URL.Path == "/v1/Voice/Settings" { // of another API than the two described here
			answerJSON(w, 200, insightsJSON)
			return
		}
		// The media alone is described in prose only.
		if err := spec.Check(r, nil); !errors.Is(err, twiliospec.ErrNotCovered) || !strings.HasSuffix(r.URL.Path, ".mp3") {
			t.Errorf("%s %s has no answer here: %v", r.Method, r.URL.Path, err)
		}
		w.Header().Set("Content-Type", "audio/mpeg")
		io.WriteString(w, "audio")
	})
	c := d.client(t)
	for name, operate := range operations {
		if err := operate(t.Context(), c, account()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	asked := map[string]bool{}
	for _, r := range d.asked() {
		for _, a := range answers {
			if r.method == a.method && strings.HasSuffix(r.path, a.path) {
				asked[a.method+a.path] = true
			}
		}
	}
	for _, a := range answers {
		if !asked[a.method+a.path] {
			t.Errorf("no operation asks %s %s", a.method, a.path)
		}
	}
}
