package schema

// The streams.
const (
	StreamCalls       = "CALLS"
	StreamDeadLetters = "DEADLETTERS"
)

// StreamCallsSubjects are the subjects that CALLS stores.
var StreamCallsSubjects = []string{"call.>", "recording.>", "insights.>", "message.>"}

// DeadLetterSubjects is the subject filter of DEADLETTERS; a dead letter's
// subject is deadletter.<durable or ingress>.<reason>.
const DeadLetterSubjects = "deadletter.>"

// The headers that callstream puts on its messages beside Nats-Msg-Id,
// traceparent and the CloudEvents attributes ce-*.
const (
	HeaderCall      = "Callstream-Call"      // call SID
	HeaderRecording = "Callstream-Recording" // recording SID
	HeaderOrg       = "Callstream-Org"       // organization id

	HeaderReason    = "Callstream-Reason"    // dead letters: why
	HeaderError     = "Callstream-Error"     // dead letters: the error's text
	HeaderConsumer  = "Callstream-Consumer"  // dead letters: the durable, or "ingress"
	HeaderAttempts  = "Callstream-Attempts"  // dead letters: attempts made
	HeaderSubject   = "Callstream-Subject"   // dead letters: the original subject
	HeaderSequence  = "Callstream-Sequence"  // dead letters: the original stream sequence
	HeaderPublished = "Callstream-Published" // dead letters: when the original was stored, RFC 3339
	HeaderFailedAt  = "Callstream-Failed-At" // dead letters: when it was given up, RFC 3339
)

// DeadLetterSubject returns deadletter.<consumer>.<reason>.
func DeadLetterSubject(consumer, reason string) string {
	return "deadletter." + consumer + "." + reason
}
