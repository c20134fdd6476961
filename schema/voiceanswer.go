package schema

// VoiceAnswer is what callstream has Twilio do with a call. The zero value says
// a short regret and hangs up.
type VoiceAnswer struct {
	Plan          VoicePlan // an empty action: nothing is known of the number
	Record        bool      // a fresh look-up said yes, and the decision is stored
	CallStatusURL string    // where Twilio tells of the call and its legs, and asks what follows
	RecordingURL  string    // where Twilio tells of the recording; needed to record
}

// The sources of recordings that TwiML makes, callstream's or another's.
const (
	SourceDialVerb   = "DialVerb"
	SourceRecordVerb = "RecordVerb"
)

// ByTwiML reports whether the decision is that callstream's own TwiML records
// the call.
func (d Decision) ByTwiML() bool { return d.Outcome == Started && d.Rule == RuleTwiML }
