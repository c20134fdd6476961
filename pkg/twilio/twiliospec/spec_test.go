package twiliospec_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loquent/callstream/pkg/twilio/twiliospec"
)

const (
	account   = "AC00000000000000000000000000000001"
	callPath  = "/2010-04-01/Accounts/" + account + "/Calls/CA00000000000000000000000000000001"
	sinkSID   = "DG00000000000000000000000000000001"
	formType  = "application/x-www-form-urlencoded"
	basicAuth = "Basic dTpw"
)

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", basicAuth)
	if body != "" {
		r.Header.Set("Content-Type", formType)
	}
	return r
}

func TestCheck(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	cases := []struct {
		name, method, target, body string
		refused                    string // part of the reason; empty: accepted
	}{
		{"start", "POST", callPath + "/Recordings.json", "RecordingChannels=dual&RecordingStatusCallbackEvent=in-progress+completed", ""},
		{"list field", "POST", callPath + "/Recordings.json", "RecordingStatusCallbackEvent=completed&RecordingStatusCallbackEvent=absent", ""},
		{"typing error in a field", "POST", callPath + "/Recordings.json", "RecordingChannel=dual", `no field "RecordingChannel"`},
		{"single field twice", "POST", callPath + "/Recordings.json", "RecordingChannels=dual&RecordingChannels=mono", `one "RecordingChannels"`},
		{"unknown parameter", "GET", callPath + "/Recordings.json?Size=1", "", `no query parameter "Size"`},
		{"parameter of the wrong type", "GET", callPath + "/Recordings.json?PageSize=many", "", "PageSize"},
		{"SID of the wrong form", "GET", strings.Replace(callPath, "CA0", "XX0", 1) + ".json", "", "Sid"},
		{"wrong method", "PUT", callPath + ".json", "", "method"},
		{"missing field", "POST", "/v1/Subscriptions", "Description=d&SinkSid=" + sinkSID, "Types"},
		{"untyped fields", "POST", "/v1/Sinks", "Description=d&SinkType=webhook&SinkConfiguration=%7B%7D", ""},
		{"value outside the list", "POST", "/v1/Sinks", "Description=d&SinkType=pigeon&SinkConfiguration=%7B%7D", "SinkType"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := spec.Check(request(c.method, c.target, c.body), []byte(c.body))
			switch {
			case c.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("got %v, want something about %s", err, c.refused)
			}
		})
	}
}

func TestCheckNeedsCredentials(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	r := request("GET", callPath+".json", "")
	r.Header.Del("Authorization")
	if spec.Check(r, nil) == nil {
		t.Error("a request without credentials passes")
	}
}

func TestMediaIsNotCovered(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	r := request("GET", "/2010-04-01/Accounts/"+account+"/Recordings/RE00000000000000000000000000000001.mp3", "")
	if err := spec.Check(r, nil); !errors.Is(err, twiliospec.ErrNotCovered) {
		t.Errorf("got %v, want ErrNotCovered", err)
	}
}

func TestCheckResponse(t *testing.T) {
	t.Parallel()
	spec := twiliospec.Load(t)
	r := request("GET", callPath+".json", "")
	json := http.Header{"Content-Type": {"application/json"}}
	if err := spec.CheckResponse(r, 200, json, []byte(`{"sid":"CA00000000000000000000000000000001","status":"completed"}`)); err != nil {
		t.Errorf("a good answer is refused: %v", err)
	}
	if spec.CheckResponse(r, 200, json, []byte(`{"status":"noanswer"}`)) == nil {
		t.Error("a status outside the vocabulary passes")
	}
	if spec.CheckResponse(r, 201, json, []byte(`{}`)) == nil {
		t.Error("an undocumented status passes")
	}
}
