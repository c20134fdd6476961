package twilio_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/loquent/callstream/pkg/twilio"
	"github.com/loquent/callstream/schema"
)

// FuzzVoiceTwiML: whatever a plan and a request say, the answer is one document
// of the verbs that there are, in which they are text, and which records only
// when told to.
func FuzzVoiceTwiML(f *testing.F) {
	for _, s := range []string{"", "sip:a@b", "client:a&b", "+15550001111", `</Say><Record/>`, `" record="record-from-answer`, "]]>", "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;", "\x00\x1F\uFFFE", "\xff", "&#0;", "\r\n"} {
		f.Add(s, s, "en-US", s, true, true)
		f.Add("client:"+s, s, "", "https://calls.example.com/"+s, false, true)
	}
	f.Fuzz(func(t *testing.T, to, text, language, url string, forward, record bool) {
		a := schema.VoiceAnswer{
			Plan:   schema.VoicePlan{Action: schema.VoiceVoicemail, Greeting: text, Unrecorded: text, Language: language},
			Record: record, CallStatusURL: url, RecordingURL: url,
		}
		if forward {
			a.Plan = schema.VoicePlan{Action: schema.VoiceForward, To: to, Announcement: text, Language: language}
		}
		document, err := twilio.VoiceTwiML(a)
		if err != nil {
			if schema.CodeOf(err) != schema.Invalid || document != "" {
				t.Errorf("%q, %v", document, err)
			}
			return
		}
		root, err := parse(document)
		if err != nil || !utf8.ValidString(document) {
			t.Fatalf("%q: %v", document, err)
		}
		checkShape(t, root, a)
		if forward {
			if want := strings.TrimPrefix(to, "client:"); noun(root).Text != want {
				t.Errorf("it calls %q, not %q", noun(root).Text, want)
			}
		}
		if spoken := root.Children[0].Text; strings.TrimSpace(text) != "" && (record || !forward) && spoken != asXML(text) {
			t.Errorf("it says %q, not %q", spoken, text)
		}
	})
}

// noun is whom the document dials.
func noun(root element) element {
	dial := root.Children[len(root.Children)-1]
	return dial.Children[0]
}

// asXML is the text as a document can carry it, where a line ends in LF.
func asXML(text string) string {
	var b strings.Builder
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return ""
	}
	var back string
	if err := xml.Unmarshal([]byte("<x>"+b.String()+"</x>"), &back); err != nil {
		return ""
	}
	return back
}
