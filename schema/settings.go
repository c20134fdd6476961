package schema

import "time"

// Settings are an organization's Twilio settings as people see them: without
// the tokens, which go in and never come out.
type Settings struct {
	AccountSID           string         `json:"account_sid"`
	SecondaryToken       bool           `json:"secondary_auth_token_set"` // a second token is accepted while tokens are rotated
	Region               string         `json:"region,omitempty"`         // Twilio's, as "ie1"; empty: us1
	Edge                 string         `json:"edge,omitempty"`           // Twilio's, as "dublin"
	RecordingEnabled     bool           `json:"call_recording_enabled"`
	RecordingSince       time.Time      `json:"call_recording_enabled_at"` // since when the switch is where it is
	RecordingBy          Actor          `json:"call_recording_enabled_by"` // who turned it there; empty: nobody knows
	TranscriptionEnabled bool           `json:"transcription_enabled"`
	Unexpected           Unexpected     `json:"unexpected_recordings"`
	Delete               DeletePolicy   `json:"delete_from_twilio"`
	SMSEvents            EventStreaming `json:"sms_events"`
	CallEvents           EventStreaming `json:"call_events"`
}

// Events returns the event streaming of a kind.
func (s Settings) Events(kind EventKind) EventStreaming {
	if kind == SMSEvents {
		return s.SMSEvents
	}
	return s.CallEvents
}

// SettingsChange names what is to change; nil leaves a setting as it is.
type SettingsChange struct {
	AccountSID           *string
	AuthToken            *string // the primary one, which signs
	SecondaryAuthToken   *string // empty: there is none any more
	Region               *string // empty: us1
	Edge                 *string
	RecordingEnabled     *bool
	TranscriptionEnabled *bool
	Unexpected           *Unexpected
	Delete               *DeletePolicy
}

// Apply returns the account as it will be reached after the change.
func (c SettingsChange) Apply(a Account) Account {
	for to, from := range map[*string]*string{&a.AccountSID: c.AccountSID, &a.Region: c.Region, &a.Edge: c.Edge} {
		if from != nil {
			*to = *from
		}
	}
	tokens := make([]string, 2)
	copy(tokens, a.AuthTokens)
	for i, token := range []*string{c.AuthToken, c.SecondaryAuthToken} {
		if token != nil {
			tokens[i] = *token
		}
	}
	a.AuthTokens = nil
	for _, token := range tokens {
		if token != "" {
			a.AuthTokens = append(a.AuthTokens, token)
		}
	}
	return a
}

// EventKind is a family of Twilio's events that is subscribed to on its own,
// since a sink takes one subscription. It is the kind=... of a sink's URL.
type EventKind string

// The kinds.
const (
	SMSEvents  EventKind = "sms"
	CallEvents EventKind = "call"
)

// EventKinds lists them.
var EventKinds = []EventKind{SMSEvents, CallEvents}

// Valid reports whether k is one of [EventKinds].
func (k EventKind) Valid() bool { return k == SMSEvents || k == CallEvents }

// EventStreaming is what is stored of a kind's event sink: Twilio delivers to
// callstream while it is active.
type EventStreaming struct {
	Active          bool       `json:"active"`
	SinkSID         string     `json:"sink_sid,omitempty"`
	SubscriptionSID string     `json:"subscription_sid,omitempty"`
	TestedAt        *time.Time `json:"tested_at,omitempty"` // when Twilio's last test event arrived
}
