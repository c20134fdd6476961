package schema

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
