package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// eventType is an event type as the catalogue has it.
type eventType struct{ name, status, schema string }

// eventTypes is the part of Twilio's catalogue that exists here, with the
// status and schema of each. The short names com.twilio.voice.status.* are in
// no catalogue and cannot be subscribed to.
var eventTypes = []eventType{
	{statusCallbackPrefix + "call.initiated", "available", "Voice.WebhookEvent"},
	{statusCallbackPrefix + "call.ringing", "available", "Voice.WebhookEvent"},
	{statusCallbackPrefix + "call.answered", "available", "Voice.WebhookEvent"},
	{statusCallbackPrefix + "call.completed", "available", "Voice.WebhookEvent"},
	{statusCallbackPrefix + "recording.processed", "available", "Voice.WebhookEvent"},
	{deprecatedPrefix + "call.answered", "deprecated", "Voice.WebhookEvent"},
	{deprecatedPrefix + "call.completed", "deprecated", "Voice.WebhookEvent"},
	{deprecatedPrefix + "recording.processed", "deprecated", "Voice.WebhookEvent"},
	{summaryPrefix + "partial", "available", "VoiceInsights.CallSummary"},
	{summaryPrefix + "predicted-complete", "available", "VoiceInsights.CallSummary"},
	{summaryPrefix + "complete", "available", "VoiceInsights.CallSummary"},
	{"com.twilio.messaging.message.queued", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.message.sent", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.message.delivered", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.message.undelivered", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.message.failed", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.message.read", "available", "Messaging.MessageStatus"},
	{"com.twilio.messaging.inbound-message.received", "available", "Messaging.InboundMessageV1"},
}

// presentType brings an event type to its present spelling.
func presentType(name string) string {
	if what, ok := strings.CutPrefix(name, deprecatedPrefix); ok {
		return statusCallbackPrefix + what
	}
	what, ok := strings.CutPrefix(name, shortPrefix)
	switch {
	case !ok:
		return name
	case what == "recording.processed":
		return statusCallbackPrefix + what
	}
	return statusCallbackPrefix + "call." + what
}

func kindOf(eventType string) string {
	if strings.HasPrefix(eventType, "com.twilio.messaging.") {
		return kindSMS
	}
	return kindCall
}

// catalogue are the event types that the account has.
func (s *Simulator) catalogue() []eventType {
	var all []eventType
	for _, t := range eventTypes {
		var ok bool
		if t.status, ok = s.config.Account.typeStatus(t.name, t.status); ok {
			all = append(all, t)
		}
	}
	return all
}

func (s *Simulator) checkType(name string) error {
	for _, t := range s.catalogue() {
		if t.name == name && subscribable(t.status) {
			return nil
		}
	}
	return refuse(http.StatusBadRequest, 91104, "Event type %s not found in the system", name)
}

func showType(r *request, name, status, schemaID string) map[string]any {
	return map[string]any{
		"type": name, "schema_id": schemaID, "status": status, "description": "Simulated: " + name,
		"date_created": "2020-08-13T13:28:20Z", "date_updated": "2020-08-13T13:28:20Z",
		"documentation_url": "https://www.twilio.com/docs/events", "url": origin(r) + "/v1/Types/" + name,
		"links": map[string]string{"schema": origin(r) + "/v1/Schemas/" + schemaID},
	}
}

func (s *Simulator) listTypes(r *request) (reply, error) {
	chosen := s.catalogue()
	if id := r.params.Get("SchemaId"); id != "" {
		chosen = slices.DeleteFunc(chosen, func(t eventType) bool { return t.schema != id })
	}
	return eventPage(r, "types", chosen, func(t eventType) string { return t.name },
		func(t eventType) any { return showType(r, t.name, t.status, t.schema) })
}

func (s *Simulator) fetchType(r *request) (reply, error) {
	for _, t := range s.catalogue() {
		if t.name == r.PathValue("type") {
			return reply{http.StatusOK, showType(r, t.name, t.status, t.schema)}, nil
		}
	}
	return reply{}, notFound(r.Request)
}
