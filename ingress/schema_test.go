package ingress_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"sync"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/loquent/callstream/schema"
	"github.com/loquent/callstream/schema/jsonschema"
)

// schemas returns the JSON Schema of each kind of event, compiled once.
var schemas = sync.OnceValue(func() func(kind string) *validator.Schema {
	c := validator.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(jsonschema.Files(), "*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		file, err := jsonschema.Files().Open(name)
		if err != nil {
			panic(err)
		}
		document, err := validator.UnmarshalJSON(file)
		if err != nil {
			panic(err)
		}
		if err := c.AddResource(jsonschema.Base+name, document); err != nil {
			panic(err)
		}
	}
	var mu sync.Mutex
	return func(kind string) *validator.Schema {
		mu.Lock()
		defer mu.Unlock()
		return c.MustCompile(jsonschema.Base + jsonschema.Name(kind))
	}
})

// publishable fails the test unless the stream's readers can rely on the event:
// its form is its schema's, and it comes back as it went.
func publishable(t testing.TB, event schema.Event) {
	t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatalf("%s: %v", event.MsgID(), err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", event.MsgID(), err)
	}
	if err := schemas()(event.Kind()).Validate(document); err != nil {
		t.Errorf("%s: %v\n%s", event.MsgID(), err, data)
	}
	if _, err := schema.Decode(schema.Subject(event), data); err != nil {
		t.Errorf("%s: %v", event.MsgID(), err)
	}
	if event.Meta().AccountSID != accountSID {
		t.Errorf("%s is about account %q", event.MsgID(), event.Meta().AccountSID)
	}
	if call, recording := event.Refs(); call != "" && !schema.ValidSID(call, "CA") || recording != "" && !schema.ValidSID(recording, "RE") {
		t.Errorf("%s is about call %q and recording %q", event.MsgID(), call, recording)
	}
}

// Every event that any request of these tests' kinds makes is of the form that
// is documented.
func TestEventsFollowTheirSchemas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.callback("/twilio/call-status", answered)
	w.callback("/twilio/call-status", completed)
	w.callback("/twilio/call-status", with(completed, "Timestamp", "", "CallDuration", "", "From", "anonymous", "CallerName", " "))
	w.callback("/twilio/recording", processed)
	w.callback("/twilio/recording", with(processed, "RecordingStatus", "absent", "RecordingSource", "", "RecordingStartTime", "soon"))
	for _, state := range []string{"partial", "predicted-complete", "complete"} {
		w.events(eventsRoute, cloudEvent(summaries+state, summary(unchanged)))
	}
	w.events(eventsRoute, cloudEvent(summaries+"complete", map[string]any{"call_sid": callSID, "account_sid": accountSID}))
	for _, status := range []string{"queued", "sent", "delivered", "undelivered", "failed", "read"} {
		w.events(eventsRoute, cloudEvent(messages+status, map[string]any{"messageSid": messageSID, "accountSid": accountSID, "from": "x"}))
	}
	w.events(eventsRoute, cloudEvent(inboundMessage, map[string]any{"messageSid": messageSID, "accountSid": accountSID, "body": "x", "numMedia": "1"}))
	w.events(eventsRoute, cloudEvent(statusCallback+"call.completed", mirror(completed)))
	events, letters := w.publisher.take()
	if len(events) != 17 || len(letters) != 0 {
		t.Fatalf("%d events and %d dead letters: %v", len(events), len(letters), letters)
	}
	for _, event := range events {
		publishable(t, event)
	}
}
