package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/schema"
)

func TestEncodeIsDecodedAgain(t *testing.T) {
	t.Parallel()
	for _, want := range examples() {
		data, err := schema.Encode(want.event)
		if err != nil {
			t.Fatal(err)
		}
		got, err := schema.Decode(want.subject, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.event, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.subject, diff)
		}
	}
}

// Whoever audits an event wants Twilio's words, not an encoder's.
func TestTwiliosOwnWordsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, words := range []string{`{"caller":"<b>Jos\u00e9 & S\u00f6hne</b>"}`, "{\n  \"a\" : 1.0 }", `"text"`, `null`, `[{"a":1},{"a":2}]`} {
		event := schema.CallAnswered{Header: schema.Header{AccountSID: accountSID, SourceEvent: json.RawMessage(words)}}
		data, err := schema.Encode(event)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(data) {
			t.Fatalf("no JSON: %s", data)
		}
		got, err := schema.Decode("call.answered."+accountSID, data)
		if err != nil {
			t.Fatal(err)
		}
		if source := string(got.Meta().SourceEvent); source != words {
			t.Errorf("%s became %s", words, source)
		}
	}
}

func TestASourceThatIsNoJSONCannotBeEncoded(t *testing.T) {
	t.Parallel()
	for _, words := range []string{`{"a":`, ` `, `{}{}`, `},"account_sid":"AC2"`, `nul`} {
		event := schema.CallAnswered{Header: schema.Header{AccountSID: accountSID, SourceEvent: json.RawMessage(words)}}
		if _, err := schema.Encode(event); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%q: %v, want invalid", words, err)
		}
	}
}

// decodedAlike holds Decode to what encoding/json makes of the same bytes.
func decodedAlike(t *testing.T, data string) {
	t.Helper()
	var want schema.CallAnswered
	wantErr := json.Unmarshal([]byte(data), &want)
	got, err := schema.Decode("call.answered."+want.AccountSID, []byte(data))
	if err != nil {
		// Decode refuses more: what could not be written again.
		if _, unwritable := json.Marshal(want); wantErr == nil && unwritable == nil && schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v", data, err)
		}
		return
	}
	if wantErr != nil {
		t.Errorf("%s: decoded, for encoding/json it cannot be: %v", data, wantErr)
	}
	if diff := cmp.Diff(schema.Event(want), got); diff != "" {
		t.Errorf("%s (-encoding/json +got):\n%s", data, diff)
	}
}

var sources = []string{
	`{"account_sid":"AC1","source_event":{"a":1},"call":{"call_sid":"CA1"}}`,
	`{"source_event":{"a":1}}`,
	`{"source_event":{"a":1},"source_event":{"a":2},"account_sid":"AC1"}`,
	`{"SOURCE_EVENT":{"a":1},"account_sid":"AC1"}`,
	`{"source_event":{"a":1},"Source_Event":3}`,
	`{"source_\u0065vent":{"a":1},"account_sid":"AC1"}`,
	`{"account_sid":"AC1","a\"b":1,"source_event":1}`,
	`{"account_sid":"AC1","account_sid":"AC2","source_event":1}`,
	`{"ACCOUNT_SID":"AC1","source_event":null}`,
	` {"account_sid" : "AC1" , "source_event" : [ 1 ] } `,
	`{"account_sid":"AC1","source_event":{"a":1}`,
	`{"account_sid":"AC1","occurred_at":"2026-01-02T03:04:05+24:00","source_event":1}`,
	`{"account_sid":1,"source_event":1}`,
	`[]`, `null`, `{}`, ``,
}

func TestDecodeReadsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, data := range sources {
		decodedAlike(t, data)
	}
}

func FuzzDecodeReadsWhatEncodingJSONReads(f *testing.F) {
	for _, data := range sources {
		f.Add(data)
	}
	f.Fuzz(decodedAlike)
}

func BenchmarkDecode(b *testing.B) {
	event := examples()[0].event.(schema.CallAnswered)
	event.SourceEvent = json.RawMessage(`{"data":{` + strings.Repeat(`"CallerCity":"SAN FRANCISCO",`, 40) + `"a":1}}`)
	data, err := schema.Encode(event)
	if err != nil {
		b.Fatal(err)
	}
	subject := schema.Subject(event)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.Decode(subject, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	event := examples()[0].event.(schema.CallAnswered)
	event.SourceEvent = json.RawMessage(`{"data":{` + strings.Repeat(`"CallerCity":"SAN FRANCISCO",`, 40) + `"a":1}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.Encode(event); err != nil {
			b.Fatal(err)
		}
	}
}
