package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// Origin says by which way a fact reached callstream.
type Origin string

// The origins.
const (
	OriginEventStream Origin = "event_stream" // Twilio Event Streams
	OriginCallback    Origin = "callback"     // a status callback or action URL
	OriginReconcile   Origin = "reconcile"    // Twilio's REST lists
	OriginPipeline    Origin = "pipeline"     // a consumer's stage event
)

// Header is what every event carries, whatever its kind. It travels as the
// CloudEvents attributes ce-* and inside the payload.
type Header struct {
	AccountSID     string          `json:"account_sid"`
	OrganizationID string          `json:"organization_id,omitempty"`
	OccurredAt     time.Time       `json:"occurred_at"` // when it happened, by Twilio's clock
	Origin         Origin          `json:"origin"`
	SourceID       string          `json:"source_id,omitempty"`    // the CloudEvent's id, where there was one
	SourceType     string          `json:"source_type,omitempty"`  // the CloudEvent's type, where there was one
	SourceEvent    json.RawMessage `json:"source_event,omitempty"` // Twilio's own words, for replay by a better normalizer
}

// Meta returns the header; it makes every event that embeds one an [Event].
func (h Header) Meta() Header { return h }

// Event is a normalized fact. The concrete types of this package implement it;
// values are passed, not pointers.
type Event interface {
	// Meta returns the header.
	Meta() Header
	// Kind is the first two tokens of the subject, "call.answered".
	Kind() string
	// MsgID names the fact; equal ids are the same fact (Nats-Msg-Id).
	MsgID() string
	// Refs returns the call and recording that the event is about; either may
	// be empty.
	Refs() (callSID, recordingSID string)
}

// CallAnswered says that somebody answered a call or, for a child leg, a
// dialled party.
type CallAnswered struct {
	Header
	Call CallFacts `json:"call"`
}

// CallReceived says that callstream's own TwiML answered a call, and carries
// the recording decision made then.
type CallReceived struct {
	Header
	Call     CallFacts `json:"call"`
	Decision *Decision `json:"decision,omitempty"`
}

// CallCompleted says that a call is over, in whichever final status.
type CallCompleted struct {
	Header
	Call CallFacts `json:"call"`
}

// InsightsSummary is Voice Insights' summary of a call, partial or complete;
// the only news of a trunk call.
type InsightsSummary struct {
	Header
	Call            CallFacts `json:"call"`
	ProcessingState string    `json:"processing_state"` // partial, predicted-complete, complete
	CallType        string    `json:"call_type,omitempty"`
}

// RecordingProcessed says that Twilio is done with a recording: it is there to
// be fetched, or never will be.
type RecordingProcessed struct {
	Header
	Recording RecordingFacts `json:"recording"`
}

// RecordingArchived says that a verified copy lies in S3.
type RecordingArchived struct {
	Header
	Recording RecordingFacts `json:"recording"`
	Object    Object         `json:"object"`
}

// RecordingTranscribed says that the transcript is stored, or that the
// organization wants none.
type RecordingTranscribed struct {
	Header
	Recording RecordingFacts `json:"recording"`
	Skipped   bool           `json:"skipped,omitempty"` // transcription is switched off
}

// MessageUpdated is an SMS message's new status, or its arrival.
type MessageUpdated struct {
	Header
	MessageSID          string        `json:"message_sid"`
	Status              MessageStatus `json:"status"`
	From                string        `json:"from,omitempty"`
	To                  string        `json:"to,omitempty"`
	Body                string        `json:"body,omitempty"`
	Segments            int           `json:"segments,omitempty"`
	Media               int           `json:"media,omitempty"` // attachments
	ErrorCode           int           `json:"error_code,omitempty"`
	MessagingServiceSID string        `json:"messaging_service_sid,omitempty"`
}

// The kinds: the first two tokens of the subjects. A message's second token is
// its status.
const (
	KindCallAnswered         = "call.answered"
	KindCallReceived         = "call.received"
	KindCallCompleted        = "call.completed"
	KindInsightsSummary      = "insights.summary"
	KindRecordingProcessed   = "recording.processed"
	KindRecordingArchived    = "recording.archived"
	KindRecordingTranscribed = "recording.transcribed"
	kindMessagePrefix        = "message."
)

// Kind returns "call.answered".
func (CallAnswered) Kind() string { return KindCallAnswered }

// Kind returns "call.received".
func (CallReceived) Kind() string { return KindCallReceived }

// Kind returns "call.completed".
func (CallCompleted) Kind() string { return KindCallCompleted }

// Kind returns "insights.summary".
func (InsightsSummary) Kind() string { return KindInsightsSummary }

// Kind returns "recording.processed".
func (RecordingProcessed) Kind() string { return KindRecordingProcessed }

// Kind returns "recording.archived".
func (RecordingArchived) Kind() string { return KindRecordingArchived }

// Kind returns "recording.transcribed".
func (RecordingTranscribed) Kind() string { return KindRecordingTranscribed }

// Kind returns "message." and the status.
func (e MessageUpdated) Kind() string { return kindMessagePrefix + string(e.Status) }

// MsgID returns "call.answered:<CallSid>".
func (e CallAnswered) MsgID() string { return e.Kind() + ":" + e.Call.CallSID }

// MsgID returns "call.received:<CallSid>".
func (e CallReceived) MsgID() string { return e.Kind() + ":" + e.Call.CallSID }

// MsgID returns "call.completed:<CallSid>".
func (e CallCompleted) MsgID() string { return e.Kind() + ":" + e.Call.CallSID }

// MsgID returns "insights.summary:<CallSid>:<processing_state>".
func (e InsightsSummary) MsgID() string {
	return e.Kind() + ":" + e.Call.CallSID + ":" + e.ProcessingState
}

// MsgID returns "recording.processed:<RecordingSid>:<RecordingStatus>".
func (e RecordingProcessed) MsgID() string {
	return e.Kind() + ":" + e.Recording.RecordingSID + ":" + string(e.Recording.Status)
}

// MsgID returns "recording.archived:<RecordingSid>".
func (e RecordingArchived) MsgID() string { return e.Kind() + ":" + e.Recording.RecordingSID }

// MsgID returns "recording.transcribed:<RecordingSid>".
func (e RecordingTranscribed) MsgID() string { return e.Kind() + ":" + e.Recording.RecordingSID }

// MsgID returns "message.<status>:<MessageSid>".
func (e MessageUpdated) MsgID() string { return e.Kind() + ":" + e.MessageSID }

// Refs returns the call.
func (e CallAnswered) Refs() (callSID, recordingSID string) { return e.Call.CallSID, "" }

// Refs returns the call.
func (e CallReceived) Refs() (callSID, recordingSID string) { return e.Call.CallSID, "" }

// Refs returns the call.
func (e CallCompleted) Refs() (callSID, recordingSID string) { return e.Call.CallSID, "" }

// Refs returns the call.
func (e InsightsSummary) Refs() (callSID, recordingSID string) { return e.Call.CallSID, "" }

// Refs returns the call and the recording.
func (e RecordingProcessed) Refs() (callSID, recordingSID string) {
	return e.Recording.CallSID, e.Recording.RecordingSID
}

// Refs returns the call and the recording.
func (e RecordingArchived) Refs() (callSID, recordingSID string) {
	return e.Recording.CallSID, e.Recording.RecordingSID
}

// Refs returns the call and the recording.
func (e RecordingTranscribed) Refs() (callSID, recordingSID string) {
	return e.Recording.CallSID, e.Recording.RecordingSID
}

// Refs returns nothing: a message has no call.
func (MessageUpdated) Refs() (callSID, recordingSID string) { return "", "" }

// Subject returns the subject under which the event is published,
// <kind>.<AccountSid>.
func Subject(e Event) string { return e.Kind() + "." + e.Meta().AccountSID }

// Decode reads the payload of a message by its subject. The error is [Invalid]
// for a subject that carries no event and for a payload that is not the
// promised JSON: another form, or an event that belongs under another subject.
func Decode(subject string, data []byte) (Event, error) {
	event, err := decodeKind(subject, data)
	if err != nil {
		return nil, err
	}
	if own := Subject(event); own != subject {
		return nil, Errorf(Invalid, "the payload under subject %q belongs under %q", subject, own)
	}
	return event, nil
}

func decodeKind(subject string, data []byte) (Event, error) {
	kind := subject
	if i := strings.LastIndexByte(subject, '.'); i >= 0 {
		kind = subject[:i]
	}
	switch kind {
	case KindCallAnswered:
		return decode[CallAnswered](data)
	case KindCallReceived:
		return decode[CallReceived](data)
	case KindCallCompleted:
		return decode[CallCompleted](data)
	case KindInsightsSummary:
		return decode[InsightsSummary](data)
	case KindRecordingProcessed:
		return decode[RecordingProcessed](data)
	case KindRecordingArchived:
		return decode[RecordingArchived](data)
	case KindRecordingTranscribed:
		return decode[RecordingTranscribed](data)
	}
	if strings.HasPrefix(kind, kindMessagePrefix) {
		return decode[MessageUpdated](data)
	}
	return nil, Errorf(Invalid, "subject %q carries no event", subject)
}

// decode reads an event. Twilio's own words in it, most of its bytes, are not
// decoded but lifted out.
func decode[E Event, P carrier[E]](data []byte) (Event, error) {
	var event E
	rest, source, err := lift(data)
	if err == nil {
		err = json.Unmarshal(rest, &event)
	}
	if err != nil {
		return nil, Errorf(Invalid, "decode %T: %w", event, err)
	}
	if source != nil {
		P(&event).carry(source)
	}
	if bytes.Contains(rest, []byte("+24:")) || bytes.Contains(rest, []byte("-24:")) {
		// A time that is a day off UTC can be read and not written, so that
		// nothing that comes of the event could be published.
		if _, err := json.Marshal(event); err != nil {
			return nil, Errorf(Invalid, "decode %T: %w", event, err)
		}
	}
	return event, nil
}
