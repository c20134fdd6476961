package twilio_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

func seconds(n int) *int { return &n }

func TestStartCallRecording(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(201, startedJSON))
	got, err := d.client(t).StartCallRecording(t.Context(), account(), callSID, callback)
	if err != nil {
		t.Fatal(err)
	}
	want := schema.RecordingFacts{
		RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingInProgress,
		Source: schema.SourceStartCallRecordingAPI, Track: "both", Channels: 2, StartedAt: at("2026-03-24T18:15:40Z"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sent, err := url.ParseQuery(d.asked()[0].body)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{
		"RecordingChannels":             {"dual"},
		"RecordingTrack":                {"both"},
		"Trim":                          {"do-not-trim"},
		"RecordingStatusCallback":       {callback},
		"RecordingStatusCallbackMethod": {"POST"},
		"RecordingStatusCallbackEvent":  {"in-progress completed absent"},
	}
	if diff := cmp.Diff(form, sent); diff != "" {
		t.Error(diff)
	}
}

func TestFetchCall(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body string
		want schema.CallFacts
	}{
		"completed": {callJSON, schema.CallFacts{
			CallSID: callSID, From: "+15005550006", To: "+15005550001", Leg: schema.LegInbound,
			Status: schema.StatusCompleted, StartedAt: at("2026-03-24T18:15:38Z"), EndedAt: at("2026-03-24T18:15:53Z"),
			Duration: seconds(15), Caller: "José & Söhne",
		}},
		"trunk leg": {`{"sid":"` + callSID + `","parent_call_sid":"","from":"sip:Bob@PBX.example.com;transport=tls","to":"+15005550001",
			"status":"in-progress","direction":"trunking-terminating","duration":null,"trunk_sid":"TK00000000000000000000000000000001"}`,
			schema.CallFacts{CallSID: callSID, From: "sip:Bob@pbx.example.com", To: "+15005550001",
				Leg: schema.LegTrunkingTerminating, Status: schema.StatusInProgress, TrunkSID: "TK00000000000000000000000000000001"}},
		"dialled child, caller withheld": {`{"sid":"` + callSID + `","parent_call_sid":"CA00000000000000000000000000000002","from":"+266696687",
			"to":"client:alice","status":"no-answer","direction":"outbound-dial","start_time":"","end_time":"","duration":""}`,
			schema.CallFacts{CallSID: callSID, ParentCallSID: "CA00000000000000000000000000000002", To: "client:alice",
				Leg: schema.LegOutboundDial, Status: schema.StatusNoAnswer}},
		"words of the future": {`{"sid":"` + callSID + `","parent_call_sid":"x","status":"pondering","direction":"sideways",
			"start_time":"soon","duration":"long","trunk_sid":"../x"}`, schema.CallFacts{CallSID: callSID}},
		"over ten hours": {`{"sid":"` + callSID + `","duration":"37250"}`, schema.CallFacts{CallSID: callSID, Duration: seconds(37250)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newDouble(t, always(200, c.body)).client(t).FetchCall(t.Context(), account(), callSID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFetchRecording(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body string
		want schema.RecordingFacts
	}{
		"completed": {recordingJSON, schema.RecordingFacts{
			RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingCompleted,
			Source: schema.SourceStartCallRecordingAPI, Channels: 2, Duration: seconds(13), StartedAt: at("2026-03-24T18:15:40Z"),
		}},
		"absent": {`{"sid":"` + recordingSID + `","call_sid":"` + callSID + `","status":"absent","source":"Trunking","channels":null,"duration":"-1","error_code":16102}`,
			schema.RecordingFacts{RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingAbsent, Source: "Trunking", ErrorCode: 16102}},
		"running": {`{"sid":"` + recordingSID + `","call_sid":"` + callSID + `","status":"in-progress","source":"DialVerb","channels":1,"duration":"0","error_code":null}`,
			schema.RecordingFacts{RecordingSID: recordingSID, CallSID: callSID, Status: schema.RecordingInProgress, Source: "DialVerb", Channels: 1}},
		"conference": {`{"sid":"` + recordingSID + `","call_sid":null,"status":"completed","source":"Conference","channels":1,"duration":"0"}`,
			schema.RecordingFacts{RecordingSID: recordingSID, Status: schema.RecordingCompleted, Source: "Conference", Channels: 1, Duration: seconds(0)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newDouble(t, always(200, c.body)).client(t).FetchRecording(t.Context(), account(), recordingSID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// All pages are read, by Twilio's own links, whatever their page tokens hold:
// the library mangles those that it builds itself.
func TestListCallRecordingsReadsAllPages(t *testing.T) {
	t.Parallel()
	path := "/2010-04-01/Accounts/" + accountSID + "/Calls/" + callSID + "/Recordings.json"
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("PageToken")
		next := map[string]string{"": "PTa.12", "PTa.12": "PTb.7"}[page]
		link := "null"
		if next != "" {
			link = `"` + path + "?PageSize=1000&PageToken=" + next + `"`
		}
		n := map[string]int{"": 1, "PTa.12": 2, "PTb.7": 3}[page]
		answerJSON(w, 200, fmt.Sprintf(`{"recordings":[{"sid":"RE%032d","status":"processing"}],"next_page_uri":%s,"page_size":1000}`, n, link))
	})
	got, err := d.client(t).ListCallRecordings(t.Context(), account(), callSID)
	if err != nil {
		t.Fatal(err)
	}
	var sids []string
	for _, r := range got {
		sids = append(sids, strings.TrimLeft(r.RecordingSID, "RE0"))
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, sids); diff != "" {
		t.Error(diff)
	}
	if asked := d.asked(); len(asked) != 3 || asked[0].query != "PageSize=1000" {
		t.Errorf("asked %d times, first with %q", len(asked), asked[0].query)
	}
}

// Half a list is no list: a recording would be started twice.
func TestListFailsWhole(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("Page") {
			answerJSON(w, 503, "")
			return
		}
		answerJSON(w, 200, `{"recordings":[{"sid":"`+recordingSID+`"}],"next_page_uri":"`+r.URL.Path+`?Page=1"}`)
	})
	got, err := d.client(t).ListCallRecordings(t.Context(), account(), callSID)
	wantCode(t, err, schema.Unavailable)
	if got != nil {
		t.Errorf("got %d recordings beside the error", len(got))
	}
}

func TestDeleteRecording(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status      int
		body        string
		alreadyGone bool
		code        schema.Code
	}{
		"deleted":      {204, "", false, ""},
		"already gone": {404, `{"code":20404,"message":"not found","status":404}`, true, ""},
		"not now":      {503, "", false, schema.Unavailable},
		"not allowed":  {401, `{"code":20003,"message":"Authenticate","status":401}`, false, schema.Unauthorized},

		"a portal's page":        {200, "<html>sign in</html>", false, schema.Corrupt},
		"nothing said":           {200, "", false, schema.Corrupt},
		"taken for later":        {202, "", false, schema.Corrupt},
		"a proxy does not know":  {404, "<html>not found</html>", false, schema.Corrupt},
		"a proxy says it is old": {410, "", false, schema.Corrupt},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDouble(t, always(c.status, c.body))
			gone, err := d.client(t).DeleteRecording(t.Context(), account(), recordingSID)
			wantCode(t, err, c.code)
			if gone != c.alreadyGone {
				t.Errorf("already gone: %t, want %t", gone, c.alreadyGone)
			}
			if r := d.asked()[0]; r.method != "DELETE" || !strings.HasSuffix(r.path, "/Recordings/"+recordingSID+".json") {
				t.Errorf("asked %s %s", r.method, r.path)
			}
		})
	}
}
