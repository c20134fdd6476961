package schema

import "strings"

// CallStatus is a call's state in Twilio's REST vocabulary. The constants are
// in order: a status never goes back to an earlier one.
type CallStatus string

// The call statuses, earliest first. The last five are final; among them a
// fixed order decides when sources disagree, completed strongest because it
// alone means that somebody spoke.
const (
	StatusQueued     CallStatus = "queued"
	StatusInitiated  CallStatus = "initiated"
	StatusRinging    CallStatus = "ringing"
	StatusInProgress CallStatus = "in-progress"
	StatusCanceled   CallStatus = "canceled"
	StatusFailed     CallStatus = "failed"
	StatusNoAnswer   CallStatus = "no-answer"
	StatusBusy       CallStatus = "busy"
	StatusCompleted  CallStatus = "completed"
)

// CallStatuses lists the statuses in their order; the database's enum has the
// same.
var CallStatuses = []CallStatus{
	StatusQueued, StatusInitiated, StatusRinging, StatusInProgress,
	StatusCanceled, StatusFailed, StatusNoAnswer, StatusBusy, StatusCompleted,
}

// callStatusSpellings maps what Twilio's sources write, lower-cased and with
// "-" for "_", to one vocabulary. Voice Insights writes fail, noanswer,
// answered and undialed where the REST API writes failed, no-answer,
// in-progress and failed.
var callStatusSpellings = map[string]CallStatus{
	"queued":      StatusQueued,
	"initiated":   StatusInitiated,
	"ringing":     StatusRinging,
	"in-progress": StatusInProgress,
	"answered":    StatusInProgress,
	"completed":   StatusCompleted,
	"busy":        StatusBusy,
	"no-answer":   StatusNoAnswer,
	"noanswer":    StatusNoAnswer,
	"failed":      StatusFailed,
	"fail":        StatusFailed,
	"undialed":    StatusFailed,
	"canceled":    StatusCanceled,
	"cancelled":   StatusCanceled,
}

// ParseCallStatus normalizes any spelling of a call status; ok is false for
// one that is not known, or empty.
func ParseCallStatus(s string) (status CallStatus, ok bool) {
	status, ok = callStatusSpellings[spelling(s)]
	return status, ok
}

// Rank places the status in its order, from 1; an unknown status ranks 0.
func (s CallStatus) Rank() int {
	for i, known := range CallStatuses {
		if s == known {
			return i + 1
		}
	}
	return 0
}

// Final reports whether a call in this status is over.
func (s CallStatus) Final() bool { return s.Rank() >= StatusCanceled.Rank() }

// RecordingStatus is a recording's state as Twilio's callbacks and REST API
// name it.
type RecordingStatus string

// The recording statuses that Twilio documents.
const (
	RecordingInProgress RecordingStatus = "in-progress"
	RecordingPaused     RecordingStatus = "paused"
	RecordingStopped    RecordingStatus = "stopped"
	RecordingProcessing RecordingStatus = "processing"
	RecordingCompleted  RecordingStatus = "completed"
	RecordingAbsent     RecordingStatus = "absent"
	RecordingFailed     RecordingStatus = "failed"
	RecordingDeleted    RecordingStatus = "deleted"
)

// ParseRecordingStatus normalizes a recording status; ok is false for one
// that is not known.
func ParseRecordingStatus(s string) (status RecordingStatus, ok bool) {
	switch status = RecordingStatus(spelling(s)); status {
	case RecordingInProgress, RecordingPaused, RecordingStopped, RecordingProcessing,
		RecordingCompleted, RecordingAbsent, RecordingFailed, RecordingDeleted:
		return status, true
	}
	return "", false
}

// MessageStatus is an SMS message's state, lower case.
type MessageStatus string

// The message statuses, earliest first; delivery reports never take a message
// back to an earlier one.
const (
	MessageQueued      MessageStatus = "queued"
	MessageSent        MessageStatus = "sent"
	MessageUndelivered MessageStatus = "undelivered"
	MessageFailed      MessageStatus = "failed"
	MessageDelivered   MessageStatus = "delivered"
	MessageRead        MessageStatus = "read"
	MessageReceived    MessageStatus = "received"
)

// MessageStatuses lists the statuses in their order; the database's enum has
// the same.
var MessageStatuses = []MessageStatus{
	MessageQueued, MessageSent, MessageUndelivered, MessageFailed,
	MessageDelivered, MessageRead, MessageReceived,
}

// ParseMessageStatus normalizes a message status, whatever its case (Event
// Streams sends DELIVERED, webhooks delivered); ok is false for one that is
// not known.
func ParseMessageStatus(s string) (status MessageStatus, ok bool) {
	status = MessageStatus(spelling(s))
	for _, known := range MessageStatuses {
		if status == known {
			return status, true
		}
	}
	return "", false
}

// spelling folds the differences between Twilio's products: case, and "_" for
// "-".
func spelling(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), "_", "-")
}

// Rank places the status in its order, from 1; an unknown status ranks 0.
func (s MessageStatus) Rank() int {
	for i, known := range MessageStatuses {
		if s == known {
			return i + 1
		}
	}
	return 0
}
