package ingress

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// readCallStatus reads a call's status callback, or a request of a TwiML action
// URL, which has the same form.
func readCallStatus(d *delivery) []verdict {
	return d.readCallback("call", callStatus)
}

// callStatus makes an event of a call's status, if it is one that counts.
func callStatus(meta schema.Header, p params) (schema.Event, error) {
	status, ok := schema.ParseCallStatus(p.get("CallStatus"))
	switch {
	case !ok:
		return nil, schema.Errorf(schema.Invalid, "CallStatus %q is not known", shorten(p.get("CallStatus")))
	case status == schema.StatusInProgress && isAction(p):
		return nil, useless("call.action")
	case status == schema.StatusInProgress:
		return callAnswered(meta, p)
	case status.Final():
		return callCompleted(meta, p)
	}
	return nil, useless("call." + string(status))
}

// actionParams are those that only requests of an action URL have: the results
// of <Dial>, <Record> and <Gather>.
var actionParams = []string{"DialCallStatus", "DialCallSid", "RecordingSid", "RecordingUrl", "Digits", "SpeechResult"}

// isAction reports whether a request about a call in progress asks what to do
// next. It is not news that the call was answered.
func isAction(p params) bool {
	return slices.ContainsFunc(actionParams, func(name string) bool { _, ok := p.find(name); return ok })
}

// callAnswered makes the event of an answered call, whatever its status is by
// now.
func callAnswered(meta schema.Header, p params) (schema.Event, error) {
	meta, facts, err := callFacts(meta, p)
	if err != nil {
		return nil, err
	}
	facts.Status = schema.StatusInProgress
	facts.AnsweredAt = moment(p.get("Timestamp"))
	event := schema.CallAnswered{Header: meta, Call: facts}
	if facts.AnsweredAt == nil {
		return untimed(event), nil
	}
	return event, nil
}

// callCompleted makes the event of a call that is over, answered or not. Its
// status says how it ended; one that says nothing of the kind is an error.
//
// CallDuration counts seconds. Duration, beside it, counts begun minutes.
func callCompleted(meta schema.Header, p params) (schema.Event, error) {
	meta, facts, err := callFacts(meta, p)
	if err != nil {
		return nil, err
	}
	status, _ := schema.ParseCallStatus(p.get("CallStatus"))
	if !status.Final() {
		return nil, schema.Errorf(schema.Invalid, "CallStatus %q of a completed call is not final", shorten(p.get("CallStatus")))
	}
	facts.Status = status
	facts.EndedAt = moment(p.get("Timestamp"))
	facts.Duration = seconds(p.get("CallDuration"))
	event := schema.CallCompleted{Header: meta, Call: facts}
	if facts.EndedAt == nil {
		return untimed(event), nil
	}
	return event, nil
}

// callFacts reads what all news of a call says.
func callFacts(meta schema.Header, p params) (schema.Header, schema.CallFacts, error) {
	meta, err := stamp(meta, p)
	if err != nil {
		return meta, schema.CallFacts{}, err
	}
	facts := schema.CallFacts{
		CallSID:       p.get("CallSid"),
		ParentCallSID: p.get("ParentCallSid"),
		Caller:        shorten(p.get("CallerName")),
	}
	if err := checkCall("CallSid", facts, "ParentCallSid"); err != nil {
		return meta, facts, err
	}
	facts.Leg, _ = schema.ParseLeg(p.get("Direction"))
	if facts.From, err = party("From", p.first("From", "Caller")); err != nil {
		return meta, facts, err
	}
	facts.To, err = party("To", p.first("To", "Called"))
	return meta, facts, err
}

// checkCall checks the SIDs of a call. A parent that is not one is as bad as no
// call: taken for none, the call would be recorded twice.
func checkCall(field string, facts schema.CallFacts, parentField string) error {
	if err := schema.CheckSID(field, facts.CallSID, schema.CallPrefix); err != nil {
		return err
	}
	if facts.ParentCallSID == "" {
		return nil
	}
	return schema.CheckSID(parentField, facts.ParentCallSID, schema.CallPrefix)
}

// variant is an event that knows less than others of the same fact may. It has
// an id of its own, or the stream would take the fuller news for a repeat of it
// and drop it.
type variant struct {
	schema.Event
	suffix string
}

// untimed is the variant of a request of an action URL: it says that a call is
// over, but not when, nor how long it was.
func untimed(event schema.Event) variant { return variant{event, ":untimed"} }

// MsgID returns the event's id with the variant's suffix.
func (v variant) MsgID() string { return v.Event.MsgID() + v.suffix }

// MarshalJSON writes the event as it would be without its own id.
func (v variant) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(v.Event)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", v.Kind(), err)
	}
	return data, nil
}
