package twilio_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

const (
	callStatusURL = "https://calls.example.com/twilio/call-status?org=7&x=%2B"
	recordingURL  = "https://calls.example.com/twilio/recording?org=7"
)

// element is TwiML as its reader takes it.
type element struct {
	Name     string
	Attrs    map[string]string
	Text     string
	Children []element
}

// UnmarshalXML reads any element.
func (e *element) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	e.Name = start.Name.Local
	for _, a := range start.Attr {
		if e.Attrs == nil {
			e.Attrs = map[string]string{}
		}
		e.Attrs[a.Name.Local] = a.Value
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.CharData:
			e.Text += string(t)
		case xml.StartElement:
			var child element
			if err := child.UnmarshalXML(d, t); err != nil {
				return err
			}
			e.Children = append(e.Children, child)
		case xml.EndElement:
			return nil
		}
	}
}

// parse reads a whole document: one element and nothing after it.
func parse(document string) (element, error) {
	var root element
	d := xml.NewDecoder(strings.NewReader(document))
	if err := d.Decode(&root); err != nil {
		return root, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return root, errors.New("something follows the document")
	}
	return root, nil
}

func response(children ...element) element { return element{Name: "Response", Children: children} }

func said(language, text string) element {
	return element{Name: "Say", Attrs: map[string]string{"language": language}, Text: text}
}

// dialled is how a call goes to somebody, with attributes beside the usual.
func dialled(noun, to, timeout string, more ...string) element {
	attrs := map[string]string{"action": callStatusURL, "timeout": timeout}
	for i := 0; i < len(more); i += 2 {
		attrs[more[i]] = more[i+1]
	}
	return element{Name: "Dial", Attrs: attrs, Children: []element{{
		Name: noun, Text: to, Attrs: map[string]string{"statusCallback": callStatusURL, "statusCallbackEvent": "answered completed"},
	}}}
}

func TestVoiceTwiML(t *testing.T) {
	t.Parallel()
	const events = "in-progress completed absent"
	recorded := []string{"record", "record-from-answer-dual", "recordingStatusCallback", recordingURL, "recordingStatusCallbackEvent", events}
	forward := schema.VoicePlan{Action: schema.VoiceForward, To: "+15550001111", CallerID: "+15550002222", RingSeconds: 20, Announcement: "Calls & <more> are recorded.", Language: "en-GB"}
	voicemail := schema.VoicePlan{Action: schema.VoiceVoicemail, Greeting: "Bitte", Unrecorded: "Leider", MaxSeconds: 60, Language: "de-DE"}
	const plainGreeting = "Nobody can take your call right now. Please leave a message after the tone."
	const plainRegret = "We cannot take your call right now. Please try again later. Goodbye."
	message := func(seconds string) element {
		return element{Name: "Record", Attrs: map[string]string{
			"action": callStatusURL, "maxLength": seconds, "playBeep": "true",
			"recordingStatusCallback": recordingURL, "recordingStatusCallbackEvent": events,
		}}
	}
	hangup := element{Name: "Hangup"}
	for what, test := range map[string]struct {
		plan   schema.VoicePlan
		record bool
		want   element
	}{
		"forward": {
			forward, true,
			response(said("en-GB", "Calls & <more> are recorded."), dialled("Number", "+15550001111", "20", append(recorded, "callerId", "+15550002222")...)),
		},
		"forward, unrecorded": {forward, false, response(dialled("Number", "+15550001111", "20", "callerId", "+15550002222"))},
		"forward, of few words": {
			schema.VoicePlan{Action: schema.VoiceForward, To: "sip:bob@example.com?a=1&b=2", Announcement: " "}, true,
			response(dialled("Sip", "sip:bob@example.com?a=1&b=2", "30", recorded...)),
		},
		"forward to a client":        {schema.VoicePlan{Action: schema.VoiceForward, To: "client:a&b'c"}, false, response(dialled("Client", "a&b'c", "30"))},
		"voicemail":                  {voicemail, true, response(said("de-DE", "Bitte"), message("60"))},
		"voicemail, unrecorded":      {voicemail, false, response(said("de-DE", "Leider"), hangup)},
		"voicemail, of few words":    {schema.VoicePlan{Action: schema.VoiceVoicemail, Language: "de-DE"}, true, response(said("en-US", plainGreeting), message("300"))},
		"voicemail without anything": {schema.VoicePlan{Action: schema.VoiceVoicemail}, false, response(said("en-US", plainRegret), hangup)},
		"nothing known":              {schema.VoicePlan{}, false, response(said("en-US", plainRegret), hangup)},
		"nothing known, never mind":  {schema.VoicePlan{}, true, response(said("en-US", plainRegret), hangup)},
	} {
		document, err := twilio.VoiceTwiML(schema.VoiceAnswer{Plan: test.plan, Record: test.record, CallStatusURL: callStatusURL, RecordingURL: recordingURL})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got, err := parse(document)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
}

func TestVoiceTwiMLRefuses(t *testing.T) {
	t.Parallel()
	for what, a := range map[string]schema.VoiceAnswer{
		"a plan that is none":              {Plan: schema.VoicePlan{Action: "hold"}},
		"an address that is none":          {Plan: schema.VoicePlan{Action: schema.VoiceForward, To: "<Hangup/>"}},
		"a recording that nobody hears of": {Plan: schema.VoicePlan{Action: schema.VoiceVoicemail}, Record: true, CallStatusURL: callStatusURL},
	} {
		if document, err := twilio.VoiceTwiML(a); schema.CodeOf(err) != schema.Invalid || document != "" {
			t.Errorf("%s: %q, %v", what, document, err)
		}
	}
}

// Whatever people write into plans and URLs is text: it never becomes markup,
// and the document can be read.
func TestVoiceTwiMLIsWellFormed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"", `</Say><Record/>`, `" record="record-from-answer`, "]]>", "<!--", "&lt;&#0;", "\x00\x01\x1F\uFFFE\uFFFF", "<![CDATA[", "\r\n\t",
		}))
		a := schema.VoiceAnswer{
			Plan: schema.VoicePlan{
				Action:   rapid.SampledFrom([]schema.VoiceAction{"", schema.VoiceForward, schema.VoiceVoicemail}).Draw(t, "action"),
				Language: rapid.SampledFrom([]string{"", "en-US", "de"}).Draw(t, "language"),
			},
			Record:        rapid.Bool().Draw(t, "record"),
			CallStatusURL: "https://" + text.Draw(t, "call status"),
			RecordingURL:  "https://" + text.Draw(t, "recording"),
		}
		switch a.Plan.Action {
		case schema.VoiceForward:
			a.Plan.To = rapid.OneOf(rapid.Just("+15550001111"), rapid.Map(text, func(s string) string { return "client:a" + s }),
				rapid.Map(text, func(s string) string { return "sip:a@" + s })).Draw(t, "to")
			a.Plan.Announcement = text.Draw(t, "announcement")
		case schema.VoiceVoicemail:
			a.Plan.Greeting, a.Plan.Unrecorded = text.Draw(t, "greeting"), text.Draw(t, "unrecorded")
		}
		document, err := twilio.VoiceTwiML(a)
		if err != nil {
			if a.Plan.Validate() == nil {
				t.Fatalf("a valid plan: %v", err)
			}
			return
		}
		root, err := parse(document)
		if err != nil {
			t.Fatalf("%q: %v", document, err)
		}
		checkShape(t, root, a)
	})
}

// fataler is a test or a check within one.
type fataler interface {
	Fatalf(format string, args ...any)
}

// checkShape fails unless the document has the verbs of its kind, and records
// only as told.
func checkShape(t fataler, root element, a schema.VoiceAnswer) {
	var shape []string
	for _, verb := range root.Children {
		shape = append(shape, verb.Name)
		for _, noun := range verb.Children {
			shape = append(shape, noun.Name)
			if len(noun.Children) > 0 {
				t.Fatalf("%s has %v", noun.Name, noun.Children)
			}
		}
		if _, records := verb.Attrs["record"]; (records || verb.Name == "Record") && !a.Record {
			t.Fatalf("it records: %+v", verb)
		}
	}
	got := strings.Join(shape, " ")
	for _, allowed := range []string{
		"Say Hangup", "Say Record", "Dial Number", "Dial Sip", "Dial Client", "Say Dial Number", "Say Dial Sip", "Say Dial Client",
	} {
		if got == allowed {
			return
		}
	}
	t.Fatalf("the verbs are %s", got)
}
