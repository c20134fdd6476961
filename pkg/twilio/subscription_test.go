package twilio_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestCreateSink(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(201, sinkJSON))
	const destination = "https://app.example.com/twilio/events?org=1&kind=call"
	got, err := d.client(t).CreateSink(t.Context(), account(), "callstream calls", destination)
	if err != nil {
		t.Fatal(err)
	}
	want := schema.Sink{SID: sinkSID, Description: "callstream calls", Type: schema.SinkWebhook, Status: schema.SinkActive, Destination: destination, Method: "POST"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	sent, _ := url.ParseQuery(d.asked()[0].body)
	form := url.Values{
		"Description": {"callstream calls"},
		"SinkType":    {"webhook"},
		// & escaped, as JSON allows.
		"SinkConfiguration": {`{"destination":"` + strings.ReplaceAll(destination, "&", `\u0026`) + `","method":"POST","batch_events":false}`},
	}
	if diff := cmp.Diff(form, sent); diff != "" {
		t.Error(diff)
	}
}

// Sinks of other kinds, and ones that say little, are listed too.
func TestListSinksFollowsPages(t *testing.T) {
	t.Parallel()
	d := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("PageToken") {
			answerJSON(w, 200, `{"sinks":[{"sid":"DG00000000000000000000000000000002","sink_type":"kinesis","sink_configuration":{"arn":"x"}},
				{"sid":"DG00000000000000000000000000000003","sink_configuration":null}],"meta":{"next_page_url":null,"key":"sinks"}}`)
			return
		}
		answerJSON(w, 200, `{"sinks":[`+sinkJSON+`],"meta":{"key":"sinks","next_page_url":"https://events.twilio.com/v1/Sinks?PageSize=1000&Page=1&PageToken=DNDGa.9"}}`)
	})
	got, err := d.client(t).ListSinks(t.Context(), account())
	if err != nil {
		t.Fatal(err)
	}
	want := []schema.Sink{
		{SID: sinkSID, Description: "callstream calls", Type: "webhook", Status: "active", Destination: "https://app.example.com/twilio/events?org=1&kind=call", Method: "POST"},
		{SID: "DG00000000000000000000000000000002", Type: "kinesis"},
		{SID: "DG00000000000000000000000000000003"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := d.asked()[1]; last.query != "PageSize=1000&Page=1&PageToken=DNDGa.9" {
		t.Errorf("the next page was asked for with %q", last.query)
	}
}

func TestDeleteSink(t *testing.T) {
	t.Parallel()
	gone, err := newDouble(t, always(404, `{"code":20404}`)).client(t).DeleteSink(t.Context(), account(), sinkSID)
	if !gone || err != nil {
		t.Errorf("a sink that is gone: %t, %v", gone, err)
	}
	gone, err = newDouble(t, always(204, "")).client(t).DeleteSink(t.Context(), account(), sinkSID)
	if gone || err != nil {
		t.Errorf("a sink that was there: %t, %v", gone, err)
	}
	_, err = newDouble(t, always(400, `{"code":91007,"message":"in use"}`)).client(t).DeleteSink(t.Context(), account(), sinkSID)
	if !errors.Is(err, schema.ErrSinkInUse) {
		t.Errorf("a sink in use: %v", err)
	}
}

func TestTestSink(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(201, `{"result":"submitted"}`))
	if err := d.client(t).TestSink(t.Context(), account(), sinkSID); err != nil {
		t.Error(err)
	}
	if r := d.asked()[0]; r.method != "POST" || r.path != "/v1/Sinks/"+sinkSID+"/Test" {
		t.Errorf("asked %s %s", r.method, r.path)
	}
}

// Twilio refuses all types as one array in one field.
func TestCreateSubscription(t *testing.T) {
	t.Parallel()
	d := newDouble(t, always(201, subscriptionJSON))
	got, err := d.client(t).CreateSubscription(t.Context(), account(), sinkSID, "callstream calls",
		[]schema.SubscribedType{{Type: answeredType, Version: 2}, {Type: summaryType}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(schema.Subscription{SID: subSID, SinkSID: sinkSID, Description: "callstream calls"}, got); diff != "" {
		t.Error(diff)
	}
	sent, _ := url.ParseQuery(d.asked()[0].body)
	form := url.Values{
		"Description": {"callstream calls"},
		"SinkSid":     {sinkSID},
		"Types":       {`{"schema_version":2,"type":"` + answeredType + `"}`, `{"type":"` + summaryType + `"}`},
	}
	if diff := cmp.Diff(form, sent); diff != "" {
		t.Error(diff)
	}
}

func TestFetchSubscription(t *testing.T) {
	t.Parallel()
	got, err := newDouble(t, always(200, subscriptionJSON)).client(t).FetchSubscription(t.Context(), account(), subSID)
	if err != nil || got.SinkSID != sinkSID {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = newDouble(t, always(404, `{"code":91102}`)).client(t).FetchSubscription(t.Context(), account(), subSID)
	wantCode(t, err, schema.NotFound)
}

func TestFetchEventType(t *testing.T) {
	t.Parallel()
	got, err := newDouble(t, always(200, eventTypeJSON)).client(t).FetchEventType(t.Context(), account(), answeredType)
	if err != nil || !got.Available() || got.SchemaID != "Voice.WebhookEvent" || got.Type != answeredType {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = newDouble(t, always(404, `{"code":20404}`)).client(t).FetchEventType(t.Context(), account(), "com.twilio.voice.status.answered")
	wantCode(t, err, schema.NotFound)
	if !errors.Is(err, schema.ErrUnknownEventType) {
		t.Errorf("a type that Twilio does not have: %v", err)
	}
}

// subscribed is a double's subscription, with the requests that changed it.
type subscribed struct {
	versions map[string]string
	changes  []string
}

func (s *subscribed) answer(w http.ResponseWriter, r *http.Request) {
	eventType := strings.TrimPrefix(r.URL.Path, "/v1/Subscriptions/"+subSID+"/SubscribedEvents")
	switch {
	case r.Method == "GET":
		var types []string
		for eventType, version := range s.versions {
			types = append(types, subscribedJSON(eventType, version))
		}
		answerJSON(w, 200, `{"types":[`+strings.Join(types, ",")+`],"meta":{"key":"types"}}`)
		return
	case r.Method == "DELETE":
		s.changes = append(s.changes, "remove "+eventType[1:])
		delete(s.versions, eventType[1:])
		w.WriteHeader(204)
		return
	case eventType == "":
		eventType = "/" + r.PostFormValue("Type")
	}
	version := r.PostFormValue("SchemaVersion")
	s.changes = append(s.changes, fmt.Sprintf("%s %s", eventType[1:], version))
	if version == "" {
		version = "9"
	}
	s.versions[eventType[1:]] = version
	answerJSON(w, 200, subscribedJSON(eventType[1:], version))
}

func TestUpdateEventSubscription(t *testing.T) {
	t.Parallel()
	twilio := &subscribed{versions: map[string]string{answeredType: "1", "com.example.old": "1", summaryType: "7"}}
	c := newDouble(t, twilio.answer).client(t)
	wanted := []schema.SubscribedType{{Type: answeredType, Version: 2}, {Type: completedType}, {Type: summaryType}}
	changed, err := c.UpdateEventSubscription(t.Context(), account(), subSID, wanted)
	if err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	// What is wanted comes before what is not goes.
	if diff := cmp.Diff([]string{answeredType + " 2", completedType + " ", "remove com.example.old"}, twilio.changes); diff != "" {
		t.Error(diff)
	}
	changed, err = c.UpdateEventSubscription(t.Context(), account(), subSID, wanted)
	if err != nil || changed || len(twilio.changes) != 3 {
		t.Errorf("a second time: changed %t, %v: %v", changed, err, twilio.changes)
	}
}

// A type that Twilio does not know must not cost the types that are there.
func TestUpdateEventSubscriptionKeepsWhatItCannotReplace(t *testing.T) {
	t.Parallel()
	twilio := &subscribed{versions: map[string]string{"com.example.old": "1"}}
	c := newDouble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			answerJSON(w, 400, `{"code":91104,"message":"Unknown type","status":400}`)
			return
		}
		twilio.answer(w, r)
	}).client(t)
	_, err := c.UpdateEventSubscription(t.Context(), account(), subSID, []schema.SubscribedType{{Type: answeredType}})
	if !errors.Is(err, schema.ErrUnknownEventType) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{"com.example.old": "1"}, twilio.versions); diff != "" {
		t.Error(diff)
	}
}
