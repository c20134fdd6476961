package simulator

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// element is one of TwiML's: a verb, or a noun within it.
type element struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Nouns      []element  `xml:",any"`
}

// attribute returns an attribute's value, or the fallback where it is not given.
func (e element) attribute(name, fallback string) string {
	for _, a := range e.Attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return fallback
}

// whole returns an attribute that is a whole number.
func (e element) whole(name string, fallback int) int {
	if n, err := strconv.Atoi(e.attribute(name, "")); err == nil {
		return n
	}
	return fallback
}

// words returns an attribute that is a list.
func (e element) words(name, fallback string) []string {
	return strings.Fields(e.attribute(name, fallback))
}

// rule says which values an attribute takes.
type rule func(value string) bool

func anyText(string) bool { return true }

func wholeNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0
}

func address(s string) bool {
	u, err := url.Parse(s)
	return err == nil && s != "" && (u.Scheme == "" || u.Scheme == "https" || u.Scheme == "http")
}

func oneOf(values ...string) rule {
	return func(s string) bool { return slices.Contains(values, s) }
}

func someOf(values ...string) rule {
	return func(s string) bool {
		words := strings.Fields(s)
		return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(values, w) })
	}
}

var (
	httpMethod      = oneOf("GET", "POST")
	yesOrNo         = oneOf("true", "false")
	legStatuses     = someOf("initiated", "ringing", "answered", "completed")
	recordingStates = someOf("in-progress", "completed", "absent")
)

// nounRules are the attributes of what is dialled.
var nounRules = map[string]rule{
	"statusCallback": address, "statusCallbackEvent": legStatuses, "statusCallbackMethod": httpMethod,
	"url": address, "method": httpMethod,
}

// grammar is the part of TwiML that the simulator can act on, by element, with
// the attributes of each. Twilio passes over what it does not know and speaks
// of it in its debugger only; here it is an error, so that it is noticed.
var grammar = map[string]map[string]rule{
	"Say":    {"voice": anyText, "language": anyText, "loop": wholeNumber},
	"Pause":  {"length": wholeNumber},
	"Hangup": {},
	"Dial": {
		"action": address, "method": httpMethod, "timeout": wholeNumber, "timeLimit": wholeNumber, "callerId": anyText,
		"answerOnBridge": yesOrNo, "hangupOnStar": yesOrNo, "ringTone": anyText, "trim": oneOf("trim-silence", "do-not-trim"),
		"record":                  oneOf("do-not-record", "record-from-answer", "record-from-ringing", "record-from-answer-dual", "record-from-ringing-dual"),
		"recordingStatusCallback": address, "recordingStatusCallbackMethod": httpMethod, "recordingStatusCallbackEvent": recordingStates,
		"recordingTrack": oneOf("both", "inbound", "outbound"),
	},
	"Record": {
		"action": address, "method": httpMethod, "timeout": wholeNumber, "finishOnKey": anyText, "maxLength": wholeNumber,
		"playBeep": yesOrNo, "trim": oneOf("trim-silence", "do-not-trim"),
		"recordingStatusCallback": address, "recordingStatusCallbackMethod": httpMethod, "recordingStatusCallbackEvent": recordingStates,
	},
	"Number": nounRules, "Sip": nounRules, "Client": nounRules,
}

// readTwiML reads what a voice URL answered. The error tells why a caller would
// hear that an application error has occurred, or would if the TwiML meant
// anything to Twilio.
func readTwiML(status int, contentType, document string) ([]element, error) {
	if status < 200 || status > 299 {
		return nil, fmt.Errorf("status %d %s", status, http.StatusText(status))
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || !slices.Contains([]string{"text/xml", "application/xml"}, kind) {
		return nil, fmt.Errorf("content of type %q, which is not TwiML's", contentType)
	}
	decoder := xml.NewDecoder(strings.NewReader(strings.TrimSpace(document)))
	var response element
	if err := decoder.Decode(&response); err != nil {
		return nil, fmt.Errorf("no XML: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one XML document")
	}
	if response.XMLName.Local != "Response" {
		return nil, fmt.Errorf("a document of <%s>, not <Response>", response.XMLName.Local)
	}
	for _, verb := range response.Nouns {
		if err := verb.check(); err != nil {
			return nil, err
		}
	}
	return response.Nouns, nil
}

// check holds a verb against the grammar.
func (e element) check() error {
	name := e.XMLName.Local
	if slices.Contains([]string{"Number", "Sip", "Client"}, name) {
		return fmt.Errorf("<%s> outside of <Dial>", name)
	}
	if err := e.checkAttributes(); err != nil {
		return err
	}
	if name != "Dial" {
		if len(e.Nouns) > 0 {
			return fmt.Errorf("<%s> within <%s>", e.Nouns[0].XMLName.Local, name)
		}
		return nil
	}
	if len(e.Nouns) != 1 {
		return fmt.Errorf("a <Dial> of %d parties, where one is understood here", len(e.Nouns))
	}
	return e.Nouns[0].checkParty()
}

func (e element) checkAttributes() error {
	rules, known := grammar[e.XMLName.Local]
	if !known {
		return fmt.Errorf("<%s>, which is not understood here", e.XMLName.Local)
	}
	for _, a := range e.Attributes {
		if allowed, known := rules[a.Name.Local]; !known || !allowed(a.Value) {
			return fmt.Errorf("%s=%q in <%s>", a.Name.Local, a.Value, e.XMLName.Local)
		}
	}
	return nil
}

// checkParty checks whom <Dial> calls.
func (e element) checkParty() error {
	name, to := e.XMLName.Local, strings.TrimSpace(e.Text)
	scheme := strings.ToLower(to)
	switch {
	case name == "Number" && strings.HasPrefix(to, "+") && len(to) > 7 && strings.Trim(to[1:], "0123456789") == "":
	case name == "Sip" && strings.Contains(to, "@") && (strings.HasPrefix(scheme, "sip:") || strings.HasPrefix(scheme, "sips:")):
	case name == "Client" && to != "":
	default:
		return fmt.Errorf("<%s>%s</%s> within <Dial>", name, to, name)
	}
	return e.checkAttributes()
}
