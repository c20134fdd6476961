package simulator

import (
	"net/url"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// performance is what one answer has Twilio do with a call. Its recordings are
// told and judged like others; see [call.hear].
type performance struct {
	*call
	manners
	entry  voiceEntry
	asked  inquiry
	clips  library
	at     int // the offset that it has come to
	closed bool
}

// perform goes through the verbs until one of them ends the call, or leaves its
// course to an action URL. With no verb left the call ends.
func (p *performance) perform(verbs []element) {
	for _, verb := range verbs {
		switch verb.XMLName.Local {
		case "Say":
			p.at += 1 + min(len(strings.TrimSpace(verb.Text))/15, 10)*verb.whole("loop", 1)
		case "Pause":
			p.at += verb.whole("length", 1)
		case "Hangup":
			p.close(p.at)
		case "Dial":
			p.dial(verb)
		case "Record":
			p.record(verb)
		}
		if p.closed {
			return
		}
	}
	p.close(p.at)
}

// close ends the call.
func (p *performance) close(at int) {
	p.hangUp(at)
	p.closed = true
}

// finish comes to the end of a verb: the caller hung up, or its action URL says
// how to go on, or the next verb does.
func (p *performance) finish(verb element, fallback string, callerLeft bool, results url.Values) {
	next := &inquiry{
		url: p.resolve(verb.attribute("action", fallback)), method: verb.attribute("method", "POST"), due: p.at,
		status: schema.StatusInProgress, results: results,
	}
	switch {
	case callerLeft:
		p.close(p.at)
		if next.url != "" {
			next.status = schema.StatusCompleted
			p.voice.farewell = next
		}
	case next.url != "":
		p.voice.next, p.closed = next, true
	}
}

// resolve completes a URL by that of the document it stands in.
func (p *performance) resolve(reference string) string {
	base, err := url.Parse(p.asked.url)
	if err != nil || reference == "" {
		return ""
	}
	u, err := base.Parse(reference)
	if err != nil {
		return ""
	}
	return u.String()
}

// dial calls somebody, on a leg of its own. Whom the child shows as its caller
// is the TwiML's choice or else the call's own caller, if there is one to show.
func (p *performance) dial(verb element) {
	child := p.child(verb)
	child.start = p.at + 1
	limit := verb.whole("timeout", 30)
	given := p.patience < limit && !p.picksUp
	switch {
	case p.picksUp && p.ring <= limit:
		child.status, child.answer = schema.StatusCompleted, child.start+p.ring
		child.end = child.answer + min(p.talk, verb.whole("timeLimit", 4*3600))
	case given:
		child.status, child.end = schema.StatusCanceled, child.start+p.patience
	case p.busy:
		child.status, child.end = schema.StatusBusy, child.start+2
	default:
		child.status, child.end = schema.StatusNoAnswer, child.start+limit
	}
	child.answered = child.answered && child.answer >= 0
	p.legs = append(p.legs, child)
	p.at = child.end
	results := url.Values{"DialCallStatus": {string(child.status)}, "DialCallSid": {child.sid}, "DialBridged": {"false"}}
	if child.answer >= 0 {
		results.Set("DialBridged", "true")
		results.Set("DialCallDuration", itoa(child.talk()))
	}
	p.recordDial(verb, child, results)
	p.finish(verb, "", given || (child.answer >= 0 && p.leaves), results)
}

// child is the leg that <Dial> makes, as far as the TwiML says.
func (p *performance) child(verb element) leg {
	noun, parent := verb.Nouns[0], p.legs[0]
	dice := newDice(p.Seed, parent.sid, "child", itoa(len(p.legs)))
	asked := noun.words("statusCallbackEvent", "completed")
	l := leg{
		sid: newSID(dice, schema.CallPrefix), parent: parent.sid, from: parent.from, to: dialled(noun),
		direction: schema.LegOutboundDial, answer: -1, callback: p.resolve(noun.attribute("statusCallback", "")),
		method: noun.attribute("statusCallbackMethod", "POST"), summary: dice.IntN(10) < 6,
	}
	if id := verb.attribute("callerId", ""); id != "" {
		l.from = party{raw: id, want: id, owned: slices.Contains(p.voice.world.Numbers, id)}
	} else if l.from.want == "" {
		l.from = parent.to
	}
	l.partial = l.summary && dice.IntN(4) == 0
	if l.callback != "" {
		l.progress, l.answered, l.completed = slices.Contains(asked, "ringing"), slices.Contains(asked, "answered"), slices.Contains(asked, "completed")
	}
	return l
}

// dialled is the party that a noun names.
func dialled(noun element) party {
	to := strings.TrimSpace(noun.Text)
	switch noun.XMLName.Local {
	case "Client":
		return party{raw: "client:" + to, want: "client:" + to}
	case "Sip":
		user, host, _ := strings.Cut(to, "@")
		host, _, _ = strings.Cut(host, "?")
		host, _, _ = strings.Cut(host, ";")
		scheme, user, _ := strings.Cut(user, ":")
		return party{raw: to, want: strings.ToLower(scheme) + ":" + user + "@" + strings.ToLower(host)}
	}
	return party{raw: to, want: to}
}

// recordDial records the call as <Dial> asks, from the child's ringing or answer.
func (p *performance) recordDial(verb element, child leg, results url.Values) {
	mode := verb.attribute("record", "do-not-record")
	if mode == "do-not-record" {
		return
	}
	p.voice.recorded = append(p.voice.recorded, p.entry)
	start, channels := child.answer, 1
	if strings.HasPrefix(mode, "record-from-ringing") {
		start = child.start
	}
	if strings.HasSuffix(mode, "-dual") {
		channels = 2
	}
	if start >= 0 {
		p.keep(verb, schema.SourceDialVerb, channels, start, results)
	}
}

// record takes a message. A silent caller leaves none, and the call goes on to
// the next verb; one who hangs up before the tone does not even hear it.
func (p *performance) record(verb element) {
	p.voice.recorded = append(p.voice.recorded, p.entry)
	if p.hasty {
		p.close(p.at)
		return
	}
	start := p.at + 1
	if p.message == 0 {
		p.at = start + verb.whole("timeout", 5)
		return
	}
	p.at = start + min(p.message, verb.whole("maxLength", 3600))
	results := url.Values{"Digits": {"hangup"}}
	if !p.leaves {
		results.Set("Digits", "#")
	}
	p.keep(verb, schema.SourceRecordVerb, 1, start, results)
	p.finish(verb, p.asked.url, p.leaves, results)
}

// keep makes a recording, and tells an action URL of it.
func (p *performance) keep(verb element, source string, channels, start int, results url.Values) {
	parent := p.legs[0].sid
	r := &recording{
		sid:  newSID(newDice(p.Seed, parent, "twiml", itoa(p.voice.answers), itoa(start)), schema.RecordingPrefix),
		call: p.call, callSID: parent, leg: parent, source: source, channels: channels, track: verb.attribute("recordingTrack", "both"),
		started: p.fact(start), begins: p.moment(start), own: p.voice.ours, twiml: true,
		callback: p.resolve(verb.attribute("recordingStatusCallback", "")), method: verb.attribute("recordingStatusCallbackMethod", "POST"),
		events: verb.words("recordingStatusCallbackEvent", "completed"),
	}
	r.settle(p.clips)
	p.recordings = append(p.recordings, r)
	results.Set("RecordingSid", r.sid)
	results.Set("RecordingUrl", "https://api.twilio.com"+recordingPath(p.voice.world.AccountSID, r.sid))
	results.Set("RecordingDuration", itoa(r.duration()))
}
