package ingress

import (
	"strings"

	"github.com/loquent/callstream/schema"
)

// dataReader makes an event of a CloudEvent's data. meta is complete but for
// the account, and for the time where the data know it better.
type dataReader func(meta schema.Header, data string) (schema.Event, error)

// eventType is what is done with events of one type.
type eventType struct {
	kind string     // as the metrics call it
	read dataReader // nil: nothing follows from it
}

// family is a group of Twilio's event types that begin alike.
type family struct {
	prefix string
	types  map[string]eventType // by the rest of the type
	others string               // the kind of the rest, of which nothing follows; empty: they are unknown
}

// families lists the event types. Voice's status callbacks go by three names:
// today's, the one before February 2024, which can still be subscribed to, and
// a short one.
var families = []family{
	{prefix: "com.twilio.voice.status-callback.", types: voiceTypes},
	{prefix: "com.twilio.voice.webhook.status-callback.", types: voiceTypes},
	{prefix: "com.twilio.voice.status.", types: voiceTypes},
	{prefix: "com.twilio.voice.insights.call-summary.", types: summaryTypes},
	{prefix: "com.twilio.messaging.message.", types: messageTypes},
	{prefix: "com.twilio.messaging.inbound-message.", types: inboundTypes},
	{prefix: "com.twilio.eventstreams.", types: streamTypes},
	{prefix: "com.twilio.voice.twiml.", others: "voice.twiml"},
	{prefix: "com.twilio.voice.api-request.", others: "voice.api-request"},
	{prefix: "com.twilio.voice.media.", others: "voice.media"},
}

var voiceTypes = map[string]eventType{
	"call.answered":       {schema.KindCallAnswered, mirrored(callAnswered)},
	"answered":            {schema.KindCallAnswered, mirrored(callAnswered)},
	"call.completed":      {schema.KindCallCompleted, mirrored(callCompleted)},
	"completed":           {schema.KindCallCompleted, mirrored(callCompleted)},
	"recording.processed": {schema.KindRecordingProcessed, mirrored(recordingProcessed)},

	"call.initiated":                 {kind: "call.initiated"},
	"initiated":                      {kind: "call.initiated"},
	"call.ringing":                   {kind: "call.ringing"},
	"ringing":                        {kind: "call.ringing"},
	"amd.detected":                   {kind: "voice.other"},
	"announcement.processed":         {kind: "voice.other"},
	"conference.updated":             {kind: "voice.other"},
	"conference.participant.updated": {kind: "voice.other"},
	"gather.partial.captured":        {kind: "voice.other"},
	"stream.updated":                 {kind: "voice.other"},
	"transcription.processed":        {kind: "voice.other"},
}

var summaryTypes = map[string]eventType{
	"partial":            {schema.KindInsightsSummary, readSummary("partial")},
	"predicted-complete": {schema.KindInsightsSummary, readSummary("predicted-complete")},
	"complete":           {schema.KindInsightsSummary, readSummary("complete")},
}

var messageTypes = map[string]eventType{
	"queued":      {"message.queued", readMessage(schema.MessageQueued)},
	"sent":        {"message.sent", readMessage(schema.MessageSent)},
	"delivered":   {"message.delivered", readMessage(schema.MessageDelivered)},
	"undelivered": {"message.undelivered", readMessage(schema.MessageUndelivered)},
	"failed":      {"message.failed", readMessage(schema.MessageFailed)},
	"read":        {"message.read", readMessage(schema.MessageRead)},
}

var inboundTypes = map[string]eventType{
	"received": {"message.received", readMessage(schema.MessageReceived)},
}

// kindTest is the kind of the event that Twilio sends when a sink is tested.
const kindTest = "test"

var streamTypes = map[string]eventType{
	"test-event": {kind: kindTest},
}

// typeNamed finds an event type by its name; false: nobody knows it.
func typeNamed(name string) (eventType, bool) {
	for _, f := range families {
		rest, ok := strings.CutPrefix(name, f.prefix)
		if !ok {
			continue
		}
		if t, ok := f.types[rest]; ok {
			return t, true
		}
		return eventType{kind: f.others}, f.others != ""
	}
	return eventType{}, false
}
