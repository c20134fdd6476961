package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/loquent/callstream/schema"
	"github.com/loquent/callstream/schema/jsonschema"
)

const digits = "0123456789abcdef0123456789abcdef"

// full returns an event of each kind in which every field is set.
func full() []schema.Event {
	at, seconds := time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC), 37250
	header := schema.Header{
		AccountSID: "AC" + digits, OrganizationID: "7", OccurredAt: at, Origin: schema.OriginEventStream,
		SourceID: "EZ1", SourceType: "com.twilio.example", SourceEvent: json.RawMessage(`{"id":"EZ1"}`),
	}
	call := func(status schema.CallStatus) schema.CallFacts {
		return schema.CallFacts{
			CallSID: "CA" + digits, ParentCallSID: "CA" + digits, From: "+15005550001", To: "client:alice",
			Leg: schema.LegOutboundDial, Status: status, StartedAt: &at, AnsweredAt: &at, EndedAt: &at,
			Duration: &seconds, TrunkSID: "TK" + digits, Caller: "José",
		}
	}
	recording := schema.RecordingFacts{
		RecordingSID: "RE" + digits, CallSID: "CA" + digits, Status: schema.RecordingAbsent, Source: "Trunking",
		Track: "both", Channels: 2, Duration: &seconds, StartedAt: &at, ErrorCode: 16107,
	}
	decision := schema.Decision{
		CallSID: "CA" + digits, Outcome: schema.Started, Rule: schema.RuleTwiML, Enabled: true, Evidence: "on",
		RecordingSID: "RE" + digits, DecidedAt: at,
	}
	return []schema.Event{
		schema.CallAnswered{Header: header, Call: call(schema.StatusInProgress)},
		schema.CallReceived{Header: header, Call: call(schema.StatusRinging), Decision: &decision},
		schema.CallCompleted{Header: header, Call: call(schema.StatusBusy)},
		schema.InsightsSummary{Header: header, Call: call(schema.StatusCompleted), ProcessingState: "predicted-complete", CallType: "sip"},
		schema.RecordingProcessed{Header: header, Recording: recording},
		schema.RecordingArchived{Header: header, Recording: recording, Object: schema.Object{
			URL: "s3://bucket/key", Key: "key", Size: 4 << 30, SHA256: digits + digits,
		}},
		schema.RecordingTranscribed{Header: header, Recording: recording, Skipped: true},
		schema.MessageUpdated{
			Header: header, MessageSID: "MM" + digits, Status: schema.MessageUndelivered, From: "88222", To: "+15005550006",
			Body: "hello", Segments: 1, Media: 1, ErrorCode: 30003, MessagingServiceSID: "MG" + digits,
		},
	}
}

// compiler knows all schemas.
func compiler(t *testing.T) *validator.Compiler {
	t.Helper()
	c := validator.NewCompiler()
	c.AssertFormat()
	names, err := fs.Glob(jsonschema.Files(), "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("schemas %v, %v", names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(jsonschema.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := validator.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.AddResource(jsonschema.Base+name, document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return c
}

// object is an event as a reader in another language has it.
func object(t *testing.T, event any) map[string]any {
	t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	document, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return document.(map[string]any)
}

func TestSchemasDescribeEvents(t *testing.T) {
	t.Parallel()
	c := compiler(t)
	for _, event := range full() {
		s, err := c.Compile(jsonschema.Base + jsonschema.Name(event.Kind()))
		if err != nil {
			t.Fatal(err)
		}
		document := object(t, event)
		if err := s.Validate(document); err != nil {
			t.Errorf("%s: %v", event.Kind(), err)
		}
		for what, spoil := range map[string]func(map[string]any){
			"an undocumented field": func(d map[string]any) { d["surprise"] = 1 },
			"no account":            func(d map[string]any) { delete(d, "account_sid") },
			"a foreign SID":         func(d map[string]any) { d["account_sid"] = "AC1" },
			"a time of another kind": func(d map[string]any) {
				d["occurred_at"] = "Wed, 04 Mar 2026 18:15:40 +0000"
			},
			"an unknown origin": func(d map[string]any) { d["origin"] = "rumour" },
			"an undocumented fact": func(d map[string]any) {
				for _, part := range []string{"call", "recording"} {
					if facts, ok := d[part].(map[string]any); ok {
						facts["surprise"] = 1
						return
					}
				}
				d["surprise"] = 1
			},
		} {
			spoilt := object(t, event)
			spoil(spoilt)
			if s.Validate(spoilt) == nil {
				t.Errorf("%s: the schema allows %s", event.Kind(), what)
			}
		}
	}
}

// The schemas document exactly the fields that the events have.
func TestSchemasNameEveryField(t *testing.T) {
	t.Parallel()
	for _, part := range []struct {
		name  string
		value any
	}{
		{"header", schema.Header{}}, {"call", schema.CallFacts{}}, {"recording", schema.RecordingFacts{}},
		{"decision", schema.Decision{}}, {"object", schema.Object{}},
		{"call.answered", schema.CallAnswered{}}, {"call.received", schema.CallReceived{}},
		{"call.completed", schema.CallCompleted{}}, {"insights.summary", schema.InsightsSummary{}},
		{"recording.processed", schema.RecordingProcessed{}}, {"recording.archived", schema.RecordingArchived{}},
		{"recording.transcribed", schema.RecordingTranscribed{}}, {"message", schema.MessageUpdated{}},
	} {
		data, err := fs.ReadFile(jsonschema.Files(), part.name+".json")
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			ID          string `json:"$id"`
			Description string
			Properties  map[string]struct{ Description string }
		}
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatal(err)
		}
		if document.ID != jsonschema.Base+part.name+".json" || document.Description == "" {
			t.Errorf("%s: id %q, description %q", part.name, document.ID, document.Description)
		}
		for name, property := range document.Properties {
			if property.Description == "" {
				t.Errorf("%s: %s is not described", part.name, name)
			}
		}
		got := slices.Sorted(maps.Keys(document.Properties))
		if diff := cmp.Diff(fields(reflect.TypeOf(part.value)), got); diff != "" {
			t.Errorf("%s: fields and properties differ: %s", part.name, diff)
		}
	}
}

// fields returns the JSON names of a struct's own fields, in order.
func fields(s reflect.Type) []string {
	var names []string
	for i := range s.NumField() {
		if field := s.Field(i); !field.Anonymous {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, event := range full() {
		if data, err := jsonschema.Read(event.Kind()); err != nil || !json.Valid(data) {
			t.Errorf("Read(%q): %v", event.Kind(), err)
		}
	}
	for _, kind := range []string{"", "call", "header", "message", "message.exploded", "call.transferred", "../call.answered"} {
		if _, err := jsonschema.Read(kind); schema.CodeOf(err) != schema.NotFound {
			t.Errorf("Read(%q): %v, want not found", kind, err)
		}
	}
}
