package schema

import "time"

// Sink is where Twilio's Event Streams delivers an account's events. Its
// destination cannot be changed, and it takes one subscription.
type Sink struct {
	SID         string
	Description string
	Type        string // webhook, kinesis, segment, email: an open set
	Status      string // initialized, validating, active or failed
	Destination string // a webhook's URL; may hold credentials, so never logged; empty for other types
	Method      string // a webhook's method
}

// SinkWebhook is the type of sinks that deliver by HTTP, as callstream's do,
// and SinkActive the status of one that delivers.
const (
	SinkWebhook = "webhook"
	SinkActive  = "active"
)

// Subscription sends events of chosen types to a sink.
type Subscription struct {
	SID         string
	SinkSID     string
	Description string
}

// SubscribedType is an event type of a subscription, in the schema version
// that it is delivered in.
type SubscribedType struct {
	Type    string
	Version int // zero: the latest, when subscribing
}

// TwilioEventType is an event type in Twilio's catalogue.
type TwilioEventType struct {
	Type        string
	SchemaID    string
	Description string
	Status      string // available, deprecated, restricted or discontinued
}

// Available reports whether the type can be subscribed to without reserve; a
// deprecated one can, but may never fire.
func (t TwilioEventType) Available() bool { return t.Status == "available" }

// SinkSetup is what setting up an event sink came to.
type SinkSetup struct {
	Kind            EventKind `json:"kind"`
	Destination     string    `json:"destination"` // where Twilio delivers
	SinkSID         string    `json:"sink_sid"`
	SubscriptionSID string    `json:"subscription_sid"`
	Reused          bool      `json:"reused"`            // it was there already, and is as it should be now
	Types           []string  `json:"types"`             // that are subscribed to
	Missing         []string  `json:"missing,omitempty"` // that this account is not offered, under any name
	Test            SinkTest  `json:"test"`
}

// SinkTest is how Twilio's test event fared on its way to callstream.
type SinkTest struct {
	Arrived bool      `json:"arrived"`
	At      time.Time `json:"at,omitzero"`
	Problem string    `json:"problem,omitempty"` // why it did not, and what to look at
}

// SinkRemoval is what removing an event sink came to.
type SinkRemoval struct {
	Kind    EventKind `json:"kind"`
	Removed bool      `json:"removed"`           // false: there was none
	Warning string    `json:"warning,omitempty"` // what is left at Twilio, and why
}
