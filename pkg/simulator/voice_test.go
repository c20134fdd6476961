package simulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// voicePath is where the fake pipeline answers calls.
const voicePath = "/twilio/voice?org=" + testOrg

func writeTwiML(w http.ResponseWriter, document string) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprint(w, document)
}

// answerCall decides on a call and answers it: the first number's calls are
// forwarded, the others' go to voicemail.
func (f *fake) answerCall(w http.ResponseWriter, r *http.Request, form url.Values) {
	facts := schema.CallFacts{
		CallSID: form.Get("CallSid"), From: schema.NormalizeNumber(form.Get("From")), To: schema.NormalizeNumber(form.Get("To")),
		Leg: schema.LegInbound, Status: schema.StatusRinging,
	}
	f.switching.RLock()
	defer f.switching.RUnlock()
	d := &schema.Decision{CallSID: facts.CallSID, Outcome: schema.NotStarted, Rule: schema.RuleDisabled, DecidedAt: time.Now()}
	if f.decide == nil || f.decide(facts.CallSID) {
		d.Outcome, d.Rule, d.Enabled = schema.Started, schema.RuleTwiML, true
	}
	f.merge(facts, true)
	f.mu.Lock()
	if f.decisions[facts.CallSID] == nil {
		f.decisions[facts.CallSID] = d
	}
	d = f.decisions[facts.CallSID]
	f.mu.Unlock()
	document := f.forward(d.ByTwiML())
	if facts.To != f.config.Numbers[0] {
		document = f.voicemail(d.ByTwiML())
	}
	if f.twiml != nil {
		document = f.twiml(facts.CallSID, document)
	}
	writeTwiML(w, document)
}

func (f *fake) callback(path string) string { return f.config.Target + path + "?org=" + testOrg }

func (f *fake) forward(record bool) string {
	attributes := ""
	if record {
		attributes = fmt.Sprintf(` record="record-from-answer-dual" recordingStatusCallback=%q recordingStatusCallbackEvent="in-progress completed absent"`,
			f.callback("/twilio/recording"))
	}
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Response><Say language="en-US">Hello.</Say><Dial action=%[1]q timeout="30"%[2]s>`+
		`<Number statusCallback=%[1]q statusCallbackEvent="answered completed">+16465550123</Number></Dial></Response>`,
		f.callback("/twilio/call-status"), attributes)
}

func (f *fake) voicemail(record bool) string {
	if !record {
		return `<Response><Say>Goodbye.</Say><Hangup/></Response>`
	}
	return strings.TrimSpace(fmt.Sprintf(`
<Response>
  <Say>Please leave a message.</Say>
  <Record action=%q maxLength="20" playBeep="true" recordingStatusCallback=%q recordingStatusCallbackEvent="in-progress completed absent"/>
</Response>`, f.callback("/twilio/call-status"), f.callback("/twilio/recording")))
}
