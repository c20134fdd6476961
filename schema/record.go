package schema

import "time"

// CallRecord is everything that callstream knows of a call: what the API
// shows and what a verification compares.
type CallRecord struct {
	CallFacts
	AccountSID     string            `json:"account_sid"`
	OrganizationID string            `json:"organization_id"`
	Direction      Direction         `json:"direction,omitempty"`
	PhoneNumber    string            `json:"phone_number,omitempty"` // the organization's own number
	RecordingURL   string            `json:"recording_url,omitempty"`
	Transcription  string            `json:"transcription,omitempty"`
	Decision       *Decision         `json:"decision,omitempty"`
	Recordings     []RecordingRecord `json:"recordings"`
	CreatedAt      time.Time         `json:"created_at"`
	UpdatedAt      time.Time         `json:"updated_at"`
}

// RecordingRecord is everything that callstream knows of a recording.
type RecordingRecord struct {
	RecordingFacts
	AccountSID     string           `json:"account_sid"`
	OrganizationID string           `json:"organization_id"`
	Own            bool             `json:"own"`         // started by callstream
	Quarantined    bool             `json:"quarantined"` // kept, never shown or transcribed
	Object         *Object          `json:"object,omitempty"`
	ArchivedAt     *time.Time       `json:"archived_at,omitempty"`
	Transcript     *Transcript      `json:"transcript,omitempty"`
	Receipt        *DeletionReceipt `json:"deletion_receipt,omitempty"`
}

// DeletionReceipt proves that a recording was removed at Twilio, and on what
// ground.
type DeletionReceipt struct {
	RecordingSID string    `json:"recording_sid"`
	CallSID      string    `json:"call_sid"`
	AlreadyGone  bool      `json:"already_gone"` // Twilio answered 404: somebody else removed it
	Object       Object    `json:"object"`       // the copy that justified the deletion
	DeletedAt    time.Time `json:"deleted_at"`
}

// TimelineEntry is one line of a call's history.
type TimelineEntry struct {
	CallSID      string    `json:"call_sid"`
	RecordingSID string    `json:"recording_sid,omitempty"`
	MsgID        string    `json:"msg_id"` // with Kind unique per call
	Kind         string    `json:"kind"`
	Origin       Origin    `json:"origin"`
	OccurredAt   time.Time `json:"occurred_at"`
	StoredAt     time.Time `json:"stored_at"`  // when the stream stored it
	Sequence     uint64    `json:"stream_seq"` // in CALLS
	Detail       string    `json:"detail,omitempty"`
}

// CallUpdate is one event's contribution to a call's row.
type CallUpdate struct {
	AccountSID     string
	OrganizationID string    // resolved; empty: unknown, the event may only join a row that exists
	Direction      Direction // resolved
	PhoneNumber    string    // resolved
	Creates        bool      // whether the event may create the row; a call.completed that resolves to nobody may not
	Facts          CallFacts
	Decision       *Decision // a decision that the event carries, or nil
	Entry          TimelineEntry
}

// Totals are the counts that a glance needs.
type Totals struct {
	Calls       int `json:"calls"`
	Archived    int `json:"archived"`    // recordings with a verified copy
	Transcripts int `json:"transcripts"` // recordings with a transcript
	Deleted     int `json:"deleted"`     // recordings removed at Twilio
}

// MessageRecord is everything that callstream knows of an SMS message.
type MessageRecord struct {
	MessageSID          string        `json:"message_sid"`
	AccountSID          string        `json:"account_sid"`
	Status              MessageStatus `json:"status"`
	From                string        `json:"from,omitempty"`
	To                  string        `json:"to,omitempty"`
	Body                string        `json:"body,omitempty"`
	Segments            int           `json:"segments,omitempty"`
	Media               int           `json:"media,omitempty"` // attachments
	ErrorCode           int           `json:"error_code,omitempty"`
	MessagingServiceSID string        `json:"messaging_service_sid,omitempty"`
	OccurredAt          time.Time     `json:"occurred_at"` // of the first news of it
	UpdatedAt           time.Time     `json:"updated_at"`
}
