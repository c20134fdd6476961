package console_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/loquent/callstream/schema"
)

const (
	aCall      = "CA00000000000000000000000000000001"
	aRecording = "RE00000000000000000000000000000001"
)

// shows returns what the console shows at path when the API knows of one call.
func shows(t *testing.T, call schema.CallRecord, path string) string {
	t.Helper()
	call.CallSID = aCall
	record, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, false)
	_, cookie := d.enter("")
	d.answers["/api/calls"] = `{"calls": [` + string(record) + `]}`
	d.answers["/api/calls/"+aCall] = string(record)
	d.answers["/api/calls/"+aCall+"/timeline"] = `{"entries": []}`
	answer := d.ask(http.MethodGet, path, nil, cookie)
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v\n%s", path, answer.StatusCode, err, body)
	}
	return string(body)
}

var excerpts = regexp.MustCompile(`(?s)<p class="excerpt">(.*?)</p>`)

func TestHitsAreMarked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("nothing of note was said. ", 20) + "Then the Invoice came up, and an invoices-list. " + strings.Repeat("goodbye. ", 40)
	for _, c := range []struct{ text, search, want string }{
		{"The invoice is overdue, Müller said.", "müller INVOICE", "The <mark>invoice</mark> is overdue, <mark>Müller</mark> said."},
		{"The invoice is overdue.", `"invoice is"`, "The <mark>invoice</mark> <mark>is</mark> overdue."},
		{"The invoice is overdue.", "-invoice or overdue", "The invoice is <mark>overdue</mark>."},
		{"Voice, not invoice.", "voice", "<mark>Voice</mark>, not invoice."},
		{"<b>1 & 2</b>", "b", "&lt;<mark>b</mark>&gt;1 &amp; 2&lt;/<mark>b</mark>&gt;"},
		{"The invoice.", "", "The invoice."},
		{long, "invoice", "Then the <mark>Invoice</mark> came up"},
	} {
		page := shows(t, schema.CallRecord{Transcription: c.text}, "/calls?"+url.Values{"text": {c.search}}.Encode())
		found := excerpts.FindStringSubmatch(page)
		if found == nil || !strings.Contains(found[1], c.want) {
			t.Errorf("%q in %.40q shows %q, want %q", c.search, c.text, found, c.want)
		}
		if found != nil && len(found[1]) > 300 {
			t.Errorf("the excerpt is %d bytes long: %s", len(found[1]), found[1])
		}
	}
}

// Whatever stands with a call, the list says in words whether it is recorded
// and why.
func TestRecordedOrNotAndWhy(t *testing.T) {
	t.Parallel()
	decision := func(o schema.Outcome, r schema.Rule) *schema.Decision { return &schema.Decision{Outcome: o, Rule: r} }
	recording := func(status schema.RecordingStatus, change func(*schema.RecordingRecord)) []schema.RecordingRecord {
		r := schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{RecordingSID: aRecording, Status: status}}
		change(&r)
		return []schema.RecordingRecord{r}
	}
	as := func(*schema.RecordingRecord) {}
	for want, call := range map[string]schema.CallRecord{
		"Not answered yet":                                  {CallFacts: schema.CallFacts{Status: schema.StatusRinging}},
		"Being decided":                                     {CallFacts: schema.CallFacts{Status: schema.StatusInProgress}},
		"Nobody answered":                                   {CallFacts: schema.CallFacts{Status: schema.StatusBusy}},
		"Part of another call":                              {CallFacts: schema.CallFacts{Status: schema.StatusCompleted, ParentCallSID: aCall}},
		"Nothing told that the call":                        {CallFacts: schema.CallFacts{Status: schema.StatusCompleted}},
		"Call recording was switched off":                   {Decision: decision(schema.NotStarted, schema.RuleDisabled)},
		"but Twilio refused to record this call":            {Decision: decision(schema.Failed, schema.RuleTwilioRefused)},
		"Recording starts":                                  {Decision: decision(schema.Started, schema.RuleEnabled)},
		"Nobody picked up, or nobody spoke":                 {CallFacts: schema.CallFacts{Status: schema.StatusCompleted}, Decision: decision(schema.Started, schema.RuleTwiML)},
		"Waiting for Twilio":                                {CallFacts: schema.CallFacts{Status: schema.StatusCompleted}, Decision: decision(schema.Started, schema.RuleEnabled)},
		"Being archived":                                    {Recordings: recording(schema.RecordingCompleted, as)},
		"Twilio says that there is none (error 16107)":      {Recordings: recording(schema.RecordingAbsent, func(r *schema.RecordingRecord) { r.ErrorCode = 16107 })},
		"Without a transcript so far":                       {Recordings: recording(schema.RecordingCompleted, func(r *schema.RecordingRecord) { r.Object = &schema.Object{} })},
		"It was recorded while recording was switched off,": {Recordings: recording(schema.RecordingCompleted, func(r *schema.RecordingRecord) { r.Quarantined = true })},
	} {
		if page := html.UnescapeString(shows(t, call, "/calls")); !strings.Contains(page, want) {
			t.Errorf("the list does not say %q", want)
		}
	}
}

func TestTranscriptsAsFiles(t *testing.T) {
	t.Parallel()
	call := schema.CallRecord{Recordings: []schema.RecordingRecord{{
		RecordingFacts: schema.RecordingFacts{RecordingSID: aRecording},
		Transcript: &schema.Transcript{Text: "Is 1 < 2? Yes.", Segments: []schema.Segment{
			{Start: 0, End: 1.5, Text: " Is 1 < 2?", Channel: 1},
			{Start: 3661.25, End: 3662, Text: "Yes.", Channel: 2},
			{Start: 3662, End: 3663, Text: "Good."},
		}},
	}}}
	for form, want := range map[string]string{
		"txt": "Speaker 1: Is 1 < 2?\nSpeaker 2: Yes.\nGood.\n",
		"vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Speaker 1>Is 1 &lt; 2?\n\n01:01:01.250 --> 01:01:02.000\n<v Speaker 2>Yes.\n\n01:01:02.000 --> 01:01:03.000\nGood.\n",
	} {
		if got := shows(t, call, "/calls/"+aCall+"/transcripts/"+aRecording+"."+form); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", form, got, want)
		}
	}
	var back schema.Transcript
	if err := json.Unmarshal([]byte(shows(t, call, "/calls/"+aCall+"/transcripts/"+aRecording+".json")), &back); err != nil || len(back.Segments) != 3 {
		t.Errorf("%+v %v", back, err)
	}
}

// A list by times asks the API for what the viewer's clock said.
func TestTimesOfTheFilter(t *testing.T) {
	t.Parallel()
	d := newDesk(t, false)
	_, cookie := d.enter("")
	for query, want := range map[string]string{
		"period=day": "since=2026-05-03T03%3A02%3A01Z",
		"period=custom&since=2026-05-04T01:00:00.000Z&until=2026-05-04T02:00": "since=2026-05-04T01%3A00%3A00Z&until=2026-05-04T02%3A00%3A00Z",
		"since=2026-05-04T01:00:00Z":                                          "limit=50",
	} {
		d.ask(http.MethodGet, "/calls?"+query, nil, cookie)
		if got := d.asked[len(d.asked)-1].URL.RawQuery; !strings.HasSuffix(got, want) {
			t.Errorf("%s asks the API for %s, want %s", query, got, want)
		}
	}
}
