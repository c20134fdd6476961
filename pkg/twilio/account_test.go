package twilio_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

func TestFetchAccount(t *testing.T) {
	t.Parallel()
	c := newDouble(t, always(200, accountJSON)).client(t)
	got, err := c.FetchAccount(t.Context(), account())
	want := schema.TwilioAccount{SID: accountSID, Name: "Example", Status: "active", Type: "Full"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	other := newDouble(t, always(200, strings.ReplaceAll(accountJSON, accountSID, "AC00000000000000000000000000000002"))).client(t)
	if _, err := other.FetchAccount(t.Context(), account()); schema.CodeOf(err) != schema.Corrupt {
		t.Errorf("another account's answer: %v, want Corrupt", err)
	}
}

func TestListNumbers(t *testing.T) {
	t.Parallel()
	c := newDouble(t, always(200, `{"incoming_phone_numbers":[`+numberJSON+`],"next_page_uri":null}`)).client(t)
	got, err := c.ListNumbers(t.Context(), account())
	want := []schema.TwilioNumber{{SID: numberSID, Number: "+15005550006", VoiceURL: "https://app.example.com/twilio/voice?org=1"}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// A number that callstream does not answer keeps who answers it.
func TestConnectNumberLeavesTheVoiceURLWhereNoneIsGiven(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(200, numberJSON))
	c := d.client(t)
	if err := c.ConnectNumber(t.Context(), account(), numberSID, "", callback); err != nil {
		t.Fatal(err)
	}
	if body := d.asked()[0].body; strings.Contains(body, "Voice") || !strings.Contains(body, "StatusCallback=") {
		t.Errorf("sent %s", body)
	}
	for _, wrong := range []struct{ sid, voice, status string }{
		{"PN1", "", callback}, {numberSID, "/relative", callback}, {numberSID, "", "app.example.com"},
	} {
		wantCode(t, c.ConnectNumber(t.Context(), account(), wrong.sid, wrong.voice, wrong.status), schema.Invalid)
	}
}

// How recordings are stored is told by the newest one alone.
func TestLatestRecordingTellsHowRecordingsAreStored(t *testing.T) {
	t.Parallel()
	encrypted := strings.Replace(recordingJSON, `"encryption_details":null`,
		`"encryption_details":{"encryption_public_key_sid":"CR1","encryption_cek":"x","encryption_iv":"y"}`, 1)
	external := strings.Replace(recordingJSON, "http://api.twilio.com", "https://my-bucket.s3.amazonaws.com", 1)
	regional := strings.Replace(recordingJSON, "http://api.twilio.com", "https://api.dublin.ie1.twilio.com", 1)
	for name, c := range map[string]struct {
		list                string
		none                bool
		encrypted, external bool
	}{
		"none":      {list: "", none: true},
		"plain":     {list: recordingJSON},
		"regional":  {list: regional},
		"encrypted": {list: encrypted, encrypted: true},
		"external":  {list: external, external: true},
	} {
		client := newDouble(t, always(200, `{"recordings":[`+c.list+`],"next_page_uri":null}`)).client(t)
		got, err := client.LatestRecording(t.Context(), account())
		if err != nil || (got == nil) != c.none {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got != nil && (got.Encrypted != c.encrypted || got.External != c.external || got.Recording.RecordingSID != recordingSID) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// hosts notes the hosts that requests and their credentials go to.
type hosts struct{ asked []string }

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked = append(h.asked, r.URL.Host)
	return nil, http.ErrServerClosed
}

// An account's region moves its REST requests and media, not Event Streams and
// Voice Insights, which Twilio has in us1 only; and whatever is entered as a
// region, credentials stay at Twilio.
func TestRegionsMoveTheRESTAPI(t *testing.T) {
	t.Parallel()
	const regional = "api.dublin.ie1.twilio.com"
	for name, c := range map[string]struct {
		region, edge, api string
	}{
		"none":            {"", "", "api.twilio.com"},
		"region":          {"ie1", "", regional},
		"region and edge": {"au1", "singapore", "api.singapore.au1.twilio.com"},
		"edge":            {"", "tokyo", "api.tokyo.us1.twilio.com"},
	} {
		a := account()
		a.Region, a.Edge = c.region, c.edge
		for operation, operate := range operations {
			want := c.api
			switch {
			case strings.Contains(operation, "Insights"):
				want = "insights.twilio.com"
			case strings.Contains(operation, "Sink"), strings.Contains(operation, "Subscri"), strings.Contains(operation, "EventType"):
				want = "events.twilio.com"
			}
			h := &hosts{}
			client, err := twilio.New(twilio.Config{Transport: h})
			if err != nil {
				t.Fatal(err)
			}
			_ = operate(t.Context(), client, a)
			if len(h.asked) == 0 || h.asked[0] != want {
				t.Errorf("%s, %s: asked %v, want %s", name, operation, h.asked, want)
			}
		}
	}
	for _, evil := range []struct{ region, edge string }{{"evil.com/", "x"}, {"ie1", "a@evil.com"}, {"mars1", ""}} {
		a := account()
		a.Region, a.Edge = evil.region, evil.edge
		h := &hosts{}
		client, err := twilio.New(twilio.Config{Transport: h})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.FetchAccount(t.Context(), a)
		if wantCode(t, err, schema.Invalid); len(h.asked) > 0 {
			t.Errorf("%+v: asked %v", evil, h.asked)
		}
	}
}

// A trial's account must not reach Twilio by the one API that was not pointed
// elsewhere.
func TestVoiceInsightsAreNotAskedAtTwilioInATrial(t *testing.T) {
	t.Parallel()
	h := &hosts{}
	client, err := twilio.New(twilio.Config{APIURL: "http://127.0.0.1:1", EventsURL: "http://127.0.0.1:1", Transport: h})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.InsightsAdvanced(t.Context(), account())
	if wantCode(t, err, schema.Invalid); len(h.asked) > 0 {
		t.Errorf("asked %v", h.asked)
	}
}
