package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// answering refuses webhooks with the given answers, one after the other, the
// last ever after, and counts them.
func (f *fake) answering(answers []int, received *int) func(*http.Request, []byte) int {
	var mu sync.Mutex
	return func(*http.Request, []byte) int {
		mu.Lock()
		defer mu.Unlock()
		*received++
		return answers[min(*received, len(answers))-1]
	}
}

// sink creates a sink and returns its SID.
func (f *fake) sink(destination string) string {
	f.t.Helper()
	var sink struct{ SID string }
	err := f.ask("POST", "/v1/Sinks", url.Values{
		"Description": {"callstream"}, "SinkType": {"webhook"},
		"SinkConfiguration": {`{"destination":"` + destination + `","method":"POST","batch_events":false}`},
	}, &sink)
	if err != nil {
		f.t.Fatal(err)
	}
	return sink.SID
}

// subscribe subscribes a sink to types and returns the subscription's SID.
func (f *fake) subscribe(sink string, types ...string) string {
	f.t.Helper()
	form := url.Values{"Description": {"callstream"}, "SinkSid": {sink}}
	for _, name := range types {
		form.Add("Types", `{"type":"`+name+`","schema_version":2}`)
	}
	var sub struct{ SID string }
	if err := f.ask("POST", "/v1/Subscriptions", form, &sub); err != nil {
		f.t.Fatal(err)
	}
	return sub.SID
}

// refused asks and returns the code of Twilio's refusal.
func (f *fake) refused(method, path string, form url.Values) int {
	f.t.Helper()
	var refusal restError
	_, _ = f.askOnce(method, path, form, &refusal)
	return refusal.Code
}

func TestSinksAndSubscriptions(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.start()
	sink := f.sink("https://callstream.example.com/twilio/events?org=1&kind=call")
	answered := statusCallbackPrefix + "call.answered"
	sub := f.subscribe(sink, answered, summaryPrefix+"complete")

	types := func(names ...string) url.Values {
		form := url.Values{"Description": {"d"}, "SinkSid": {f.sink("https://example.com/2")}}
		for _, name := range names {
			form.Add("Types", `{"type":"`+name+`"}`)
		}
		return form
	}
	for _, test := range []struct {
		what, method, path string
		form               url.Values
		code               int
	}{
		{"a sink in use cannot be deleted", "DELETE", "/v1/Sinks/" + sink, nil, 91007},
		{"a sink takes one subscription", "POST", "/v1/Subscriptions",
			url.Values{"Description": {"d"}, "SinkSid": {sink}, "Types": {`{"type":"` + answered + `"}`}}, 91007},
		{"no such sink", "POST", "/v1/Subscriptions",
			url.Values{"Description": {"d"}, "SinkSid": {"DG0"}, "Types": {`{"type":"` + answered + `"}`}}, 91001},
		{"an unknown type", "POST", "/v1/Subscriptions", types(shortPrefix + "answered"), 91104},
		{"types as one array", "POST", "/v1/Subscriptions",
			url.Values{"Description": {"d"}, "SinkSid": {f.sink("https://example.com/3")}, "Types": {`[{"type":"` + answered + `"}]`}}, 91103},
		{"no types", "POST", "/v1/Subscriptions", types(), 91103},
		{"a type twice", "POST", "/v1/Subscriptions", types(answered, answered), 91101},
		{"a bad configuration", "POST", "/v1/Sinks",
			url.Values{"Description": {"d"}, "SinkType": {"webhook"}, "SinkConfiguration": {"{}"}}, 91000},
		{"an unknown parameter", "POST", "/v1/Sinks/" + sink, url.Values{"Destination": {"https://example.com"}}, 20001},
		{"a type that is there already", "POST", "/v1/Subscriptions/" + sub + "/SubscribedEvents", url.Values{"Type": {answered}}, 91101},
		{"no such event type", "GET", "/v1/Types/com.example", nil, 20404},
		{"no such subscription", "GET", "/v1/Subscriptions/DF0", nil, 20404},
	} {
		if got := f.refused(test.method, test.path, test.form); got != test.code {
			t.Errorf("%s: code %d, want %d", test.what, got, test.code)
		}
	}
	for _, step := range []string{"/v1/Subscriptions/" + sub, "/v1/Sinks/" + sink} {
		if err := f.ask("DELETE", step, nil, nil); err != nil {
			t.Errorf("delete %s: %v", step, err)
		}
		if got := f.refused("GET", step, nil); got != 20404 {
			t.Errorf("%s is still there: %d", step, got)
		}
	}
}

func TestSubscribedTypesChange(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.start()
	answered, completed := statusCallbackPrefix+"call.answered", statusCallbackPrefix+"call.completed"
	path := "/v1/Subscriptions/" + f.subscribe(f.sink("https://example.com/1"), answered) + "/SubscribedEvents"
	if err := f.ask("POST", path, url.Values{"Type": {completed}, "SchemaVersion": {"2"}}, nil); err != nil {
		t.Error(err)
	}
	if err := f.ask("DELETE", path+"/"+answered, nil, nil); err != nil {
		t.Error(err)
	}
	var list struct{ Types []subscribedType }
	if err := f.ask("GET", path, nil, &list); err != nil {
		t.Error(err)
	}
	if want := []subscribedType{{completed, 2}}; !slices.Equal(list.Types, want) {
		t.Errorf("types %v, want %v", list.Types, want)
	}
	if got := f.refused("DELETE", path+"/"+completed, nil); got != 91103 {
		t.Errorf("the last type went: %d", got)
	}
}

// Sinks are listed in pages that can be followed.
func TestSinkPages(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.start()
	made := map[string]bool{}
	for range 5 {
		made[f.sink("https://example.com/")] = true
	}
	for next := "/v1/Sinks?PageSize=2"; next != ""; {
		var list struct {
			Sinks []struct{ SID string }
			Meta  struct {
				Next *string `json:"next_page_url"`
			}
		}
		if err := f.ask("GET", next, nil, &list); err != nil {
			t.Fatal(err)
		}
		for _, sink := range list.Sinks {
			delete(made, sink.SID)
		}
		next = ""
		if list.Meta.Next != nil {
			next = strings.TrimPrefix(*list.Meta.Next, f.twilio)
		}
	}
	if len(made) > 0 {
		t.Errorf("the pages leave out %v", made)
	}
}

// The test event really arrives, signed, with the account's SID as its id.
func TestTestEvent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	got := make(chan string, 1)
	f.refuse = func(r *http.Request, body []byte) int {
		target := "https://" + r.Host + r.URL.RequestURI()
		if r.Header.Get("X-Twilio-Signature") != signText(testToken, target) {
			t.Errorf("%s is signed wrongly", target)
		}
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			t.Errorf("credentials %q %q, want those of the destination", user, password)
		}
		got <- string(body)
		return http.StatusNoContent
	}
	f.start()
	sink := f.sink("https://u:p@callstream.example.com/twilio/events?org=1&kind=sms")
	if err := f.ask("POST", "/v1/Sinks/"+sink+"/Test", nil, nil); err != nil {
		t.Fatal(err)
	}
	body := <-got
	if !strings.Contains(body, testEvent) || !strings.Contains(body, `"id":"`+testAccount+`"`) {
		t.Errorf("test event %s", body)
	}
}

func testWorld() world {
	return world{AccountSID: testAccount, OrganizationID: testOrg, Numbers: []string{"+15005550001", "+15005550002"}}
}
