package schema

// Plan is what handling an event would change, for a replay that only asks. The
// zero Change says that every row would stay as it is.
type Plan struct {
	CallSID      string `json:"call_sid,omitempty"`
	RecordingSID string `json:"recording_sid,omitempty"`
	Change       string `json:"change,omitempty"` // half a sentence, as "would set status completed, duration 57"
}

// PlanOf returns the plan of a change that the event would make to what it is
// about.
func PlanOf(e Event, change string) Plan {
	call, recording := e.Refs()
	return Plan{CallSID: call, RecordingSID: recording, Change: change}
}
