package eventsink

import (
	"slices"

	"github.com/loquent/callstream/schema"
)

// wanted is something that callstream wants to be told, by the names that
// Twilio has had for it, today's first, and the schema version that ingress
// was written for. Without a version Twilio takes whichever is the latest.
type wanted struct {
	names   []string
	version int
}

// wantedTypes are the types of each kind. Source: Twilio's catalogue of event
// types and its changelog of February 2024, when voice's status callbacks were
// renamed; the short names are from before the catalogue. Queued never fires
// for messages that the API made, and costs nothing.
var wantedTypes = map[schema.EventKind][]wanted{
	schema.CallEvents: {
		statusCallback("call.answered", "answered"),
		statusCallback("call.completed", "completed"),
		statusCallback("recording.processed", "recording.processed"),
		{names: []string{"com.twilio.voice.insights.call-summary.complete"}, version: 7}, // VoiceInsights.CallSummary
	},
	schema.SMSEvents: {
		messageStatus("queued"),
		messageStatus("sent"),
		messageStatus("delivered"),
		messageStatus("undelivered"),
		messageStatus("failed"),
		messageStatus("read"),
		{names: []string{"com.twilio.messaging.inbound-message.received"}, version: 6}, // Messaging.InboundMessageV1
	},
}

// statusCallback is a mirrored voice webhook, Voice.WebhookEvent.
func statusCallback(name, short string) wanted {
	return wanted{version: 2, names: []string{
		"com.twilio.voice.status-callback." + name,
		"com.twilio.voice.webhook.status-callback." + name,
		"com.twilio.voice.status." + short,
	}}
}

// messageStatus is a message's new status, Messaging.MessageStatus.
func messageStatus(status string) wanted {
	return wanted{version: 8, names: []string{"com.twilio.messaging.message." + status}}
}

// name is what it is called today.
func (w wanted) name() string { return w.names[0] }

// among returns which of the types it is, under any of its names.
func (w wanted) among(types []schema.SubscribedType) (schema.SubscribedType, bool) {
	for _, name := range w.names {
		if i := slices.IndexFunc(types, func(t schema.SubscribedType) bool { return t.Type == name }); i >= 0 {
			return types[i], true
		}
	}
	return schema.SubscribedType{}, false
}
