package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// eventTypes is the part of Twilio's catalogue that exists here, with the
// status and schema of each. The short names com.twilio.voice.status.* are in
// no catalogue and cannot be subscribed to.
var eventTypes = []struct{ name, status, schema string }{
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

func checkType(name string) error {
	for _, t := range eventTypes {
		if t.name == name {
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
	chosen := slices.Clone(eventTypes)
	if id := r.params.Get("SchemaId"); id != "" {
		chosen = slices.DeleteFunc(chosen, func(t struct{ name, status, schema string }) bool { return t.schema != id })
	}
	return eventPage(r, "types", chosen, func(t struct{ name, status, schema string }) string { return t.name },
		func(t struct{ name, status, schema string }) any { return showType(r, t.name, t.status, t.schema) })
}

func (s *Simulator) fetchType(r *request) (reply, error) {
	for _, t := range eventTypes {
		if t.name == r.PathValue("type") {
			return reply{http.StatusOK, showType(r, t.name, t.status, t.schema)}, nil
		}
	}
	return reply{}, notFound(r.Request)
}
