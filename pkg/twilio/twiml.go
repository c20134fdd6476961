package twilio

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/twilio/twilio-go/twiml"

	"github.com/loquent/callstream/schema"
)

// What is said and how long is waited where a plan does not say.
const (
	plainGreeting = "Nobody can take your call right now. Please leave a message after the tone."
	plainRegret   = "We cannot take your call right now. Please try again later. Goodbye."
	plainLanguage = "en-US"
	plainRing     = 30  // seconds
	plainMessage  = 300 // seconds
)

// The news that is asked for. A dialled leg's answer is what the recorder waits
// for; of a recording its end is wanted, whichever it is.
const (
	legEvents       = "answered completed"
	recordingEvents = "in-progress completed absent"
)

// VoiceTwiML returns the answer as TwiML, a whole XML document. What a plan or a
// request put into it is escaped. The error is [schema.Invalid], for a plan that
// is not valid and for a recording of which nobody would be told.
//
// Recording attributes are present only when the answer records. The attributes
// are those of TwiML's verbs Dial, Record, Say and the nouns of Dial.
func VoiceTwiML(a schema.VoiceAnswer) (string, error) {
	verbs, err := verbsOf(a)
	if err != nil {
		return "", err
	}
	document, err := twiml.Voice(verbs)
	if err != nil {
		return "", schema.Errorf(schema.Invalid, "write TwiML: %w", err)
	}
	return document, nil
}

func verbsOf(a schema.VoiceAnswer) ([]twiml.Element, error) {
	if a.Plan.Action == "" {
		return []twiml.Element{say("", "", plainRegret), twiml.VoiceHangup{}}, nil
	}
	if err := a.Plan.Validate(); err != nil {
		return nil, err
	}
	if a.Record && a.RecordingURL == "" {
		return nil, schema.Errorf(schema.Invalid, "a recording needs a URL to be told to")
	}
	if a.Plan.Action == schema.VoiceVoicemail {
		return voicemail(a), nil
	}
	return forward(a), nil
}

// forward connects the caller. The announcement is that of a recording, so it
// is said only where there will be one.
func forward(a schema.VoiceAnswer) []twiml.Element {
	dial := twiml.VoiceDial{
		Action:        a.CallStatusURL,
		CallerId:      a.Plan.CallerID,
		Timeout:       strconv.Itoa(cmp.Or(a.Plan.RingSeconds, plainRing)),
		InnerElements: []twiml.Element{party(a)},
	}
	if !a.Record {
		return []twiml.Element{dial}
	}
	dial.Record = "record-from-answer-dual"
	dial.RecordingStatusCallback, dial.RecordingStatusCallbackEvent = a.RecordingURL, recordingEvents
	if strings.TrimSpace(a.Plan.Announcement) == "" {
		return []twiml.Element{dial}
	}
	return []twiml.Element{say(a.Plan.Language, a.Plan.Announcement, ""), dial}
}

// party is whom the call is forwarded to.
func party(a schema.VoiceAnswer) twiml.Element {
	if name, ok := strings.CutPrefix(a.Plan.To, "client:"); ok {
		return twiml.VoiceClient{Identity: name, StatusCallback: a.CallStatusURL, StatusCallbackEvent: legEvents}
	}
	if strings.HasPrefix(a.Plan.To, "+") {
		return twiml.VoiceNumber{PhoneNumber: a.Plan.To, StatusCallback: a.CallStatusURL, StatusCallbackEvent: legEvents}
	}
	return twiml.VoiceSip{SipUrl: a.Plan.To, StatusCallback: a.CallStatusURL, StatusCallbackEvent: legEvents}
}

// voicemail takes a message, which is a recording; where there may be none it
// says so.
func voicemail(a schema.VoiceAnswer) []twiml.Element {
	if !a.Record {
		return []twiml.Element{say(a.Plan.Language, a.Plan.Unrecorded, plainRegret), twiml.VoiceHangup{}}
	}
	return []twiml.Element{
		say(a.Plan.Language, a.Plan.Greeting, plainGreeting),
		twiml.VoiceRecord{
			Action:                       a.CallStatusURL,
			MaxLength:                    strconv.Itoa(cmp.Or(a.Plan.MaxSeconds, plainMessage)),
			PlayBeep:                     "true",
			RecordingStatusCallback:      a.RecordingURL,
			RecordingStatusCallbackEvent: recordingEvents,
		},
	}
}

// say reads a text out, or the plain one, which is English whatever the plan's
// language.
func say(language, text, plain string) twiml.Element {
	if strings.TrimSpace(text) == "" {
		return twiml.VoiceSay{Message: plain, Language: plainLanguage}
	}
	return twiml.VoiceSay{Message: text, Language: cmp.Or(language, plainLanguage)}
}
