package ingress

import (
	"encoding/json"
	"time"

	"github.com/loquent/callstream/schema"
)

// summaryData is a Voice Insights call summary. Source: Twilio's event type
// VoiceInsights.CallSummary.
type summaryData struct {
	AccountSID      text `json:"account_sid"`
	CallSID         text `json:"call_sid"`
	ParentCallSID   text `json:"parent_call_sid"`
	CallState       text `json:"call_state"`
	CallType        text `json:"call_type"`
	StartTime       text `json:"start_time"`
	EndTime         text `json:"end_time"`
	ConnectDuration text `json:"connect_duration"` // from answer to end; duration counts from the start
	From            struct {
		Caller text `json:"caller"`
	} `json:"from"`
	To struct {
		Callee text `json:"callee"`
	} `json:"to"`
	Properties struct {
		Direction text `json:"direction"`
		TrunkSID  text `json:"trunk_sid"`
	} `json:"properties"`
}

// readSummary makes the reader of summaries of one processing state: the one
// that the event's type names, which knows more states than the data does.
func readSummary(state string) dataReader {
	return func(meta schema.Header, data string) (schema.Event, error) {
		var d summaryData
		if err := json.Unmarshal([]byte(data), &d); err != nil {
			return nil, schema.Errorf(schema.Invalid, "read call summary: %w", err)
		}
		meta.AccountSID = string(d.AccountSID)
		if err := schema.CheckSID("account_sid", meta.AccountSID, schema.AccountPrefix); err != nil {
			return nil, err
		}
		facts, err := d.facts()
		if err != nil {
			return nil, err
		}
		return schema.InsightsSummary{
			Header: meta, Call: facts, ProcessingState: state, CallType: shorten(string(d.CallType)),
		}, nil
	}
}

func (d *summaryData) facts() (schema.CallFacts, error) {
	facts := schema.CallFacts{
		CallSID:       string(d.CallSID),
		ParentCallSID: string(d.ParentCallSID),
		StartedAt:     moment(string(d.StartTime)),
	}
	if err := checkCall("call_sid", facts, "parent_call_sid"); err != nil {
		return facts, err
	}
	if trunk := string(d.Properties.TrunkSID); schema.ValidSID(trunk, schema.TrunkPrefix) {
		facts.TrunkSID = trunk
	}
	facts.Leg, _ = schema.ParseLeg(string(d.Properties.Direction))
	facts.Status, _ = schema.ParseCallStatus(string(d.CallState))
	d.end(&facts)
	var err error
	if facts.From, err = party("from.caller", string(d.From.Caller)); err != nil {
		return facts, err
	}
	facts.To, err = party("to.callee", string(d.To.Callee))
	return facts, err
}

// end fills in what is known only once the call is over. When it was answered
// follows from how long it was connected; a call that never was has no answer.
func (d *summaryData) end(facts *schema.CallFacts) {
	if !facts.Status.Final() {
		return
	}
	facts.EndedAt = moment(string(d.EndTime))
	facts.Duration = seconds(string(d.ConnectDuration))
	if facts.EndedAt != nil && facts.Duration != nil && *facts.Duration > 0 {
		answered := facts.EndedAt.Add(-time.Duration(*facts.Duration) * time.Second)
		facts.AnsweredAt = &answered
	}
}
