package simulator

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// The kinds of sinks, and the event types' prefixes and schemas.
const (
	kindCall = "call"
	kindSMS  = "sms"

	statusCallbackPrefix = "com.twilio.voice.status-callback."
	deprecatedPrefix     = "com.twilio.voice.webhook.status-callback."
	shortPrefix          = "com.twilio.voice.status."
	summaryPrefix        = "com.twilio.voice.insights.call-summary."
	testEvent            = "com.twilio.eventstreams.test-event"

	schemaWebhook = "Voice.WebhookEvent/2"
	schemaSummary = "VoiceInsights.CallSummary/7"
	schemaMessage = "Messaging.MessageStatus/8"
	schemaTest    = "EventStreams.TestSink/1.json"

	apiVersion = "2010-04-01"
)

// cloudEvent is the envelope of Event Streams.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	ID              string          `json:"id"`
	DataSchema      string          `json:"dataschema"`
	DataContentType string          `json:"datacontenttype"`
	Time            string          `json:"time"`
	Data            json.RawMessage `json:"data"`
}

// envelope wraps an event's data, which older schemas carry as a string.
func envelope(id, eventType, source, dataSchema string, at time.Time, data any, quoted bool) cloudEvent {
	raw := mustJSON(data)
	if quoted {
		raw = mustJSON(string(raw))
	}
	return cloudEvent{
		SpecVersion: "1.0", Type: eventType, Source: source, ID: id,
		DataSchema:      "https://events-schemas.twilio.com/" + dataSchema,
		DataContentType: "application/json", Time: milliseconds(at), Data: raw,
	}
}

// webhookData is the data of an event that mirrors a webhook: its parameters,
// every value a string, and what the webhook answered.
func webhookData(n news, eventSID, callSID string, now time.Time) map[string]any {
	parameters := make(map[string]string, len(n.params))
	for name := range n.params {
		parameters[name] = n.params.Get(name)
	}
	return map[string]any{
		"sid": callSID, "eventSid": eventSID, "requestDateCreated": rfc2822(now), "timestamp": milliseconds(now),
		"request": map[string]any{"method": orDefault(n.method, "POST"), "url": n.callback, "parameters": parameters},
		"response": map[string]any{
			"responseCode": 200, "requestDuration": 140, "contentType": "text/xml", "responseBody": "",
			"dateCreated": rfc2822(now),
		},
	}
}

// callParams are the parameters of a call's status callback.
func (s *Simulator) callParams(c *call, l leg, status schema.CallStatus, offset int) url.Values {
	params := url.Values{}
	for name, value := range map[string]string{
		"AccountSid": s.config.AccountSID, "ApiVersion": apiVersion, "CallSid": l.sid, "CallStatus": string(status),
		"From": l.from.raw, "Caller": l.from.raw, "To": l.to.raw, "Called": l.to.raw, "Direction": string(l.direction),
		"Timestamp": rfc2822(c.fact(offset)), "CallbackSource": "call-progress-events",
		"FromCity": "", "FromState": "CA", "FromCountry": "US", "ToCity": "", "ToState": "NY", "ToCountry": "US",
	} {
		params.Set(name, value)
	}
	if l.parent != "" {
		params.Set("ParentCallSid", l.parent)
	}
	if l.callerName != "" {
		params.Set("CallerName", l.callerName)
	}
	if status.Final() {
		params.Set("CallDuration", itoa(l.talk()))
		params.Set("Duration", itoa((l.talk()+59)/60))
		params.Set("SipResponseCode", sipResponse(status))
	}
	return params
}

func sipResponse(status schema.CallStatus) string {
	switch status {
	case schema.StatusBusy:
		return "486"
	case schema.StatusNoAnswer, schema.StatusCanceled:
		return "487"
	case schema.StatusFailed:
		return "404"
	}
	return "200"
}

// recordingParams are the parameters of a recording's status callback, which
// names neither party.
func (s *Simulator) recordingParams(r *recording, status schema.RecordingStatus) url.Values {
	params := url.Values{}
	for name, value := range map[string]string{
		"AccountSid": s.config.AccountSID, "CallSid": r.callSID, "RecordingSid": r.sid,
		"RecordingUrl":    "https://api.twilio.com" + recordingPath(s.config.AccountSID, r.sid),
		"RecordingStatus": string(status), "RecordingChannels": itoa(r.channels), "RecordingSource": r.source,
		"RecordingTrack": r.track, "RecordingStartTime": rfc2822(r.started), "ErrorCode": itoa(r.errorCodeAt(status)),
	} {
		params.Set(name, value)
	}
	if status == schema.RecordingCompleted {
		params.Set("RecordingDuration", itoa(r.duration()))
	}
	return params
}

func (r *recording) errorCodeAt(status schema.RecordingStatus) int {
	if status == schema.RecordingInProgress {
		return 0
	}
	return r.errorCode
}

// summary is Voice Insights' view of a leg, with its own spellings: fail and
// noanswer, underscores in directions, integers, objects for the parties.
func (s *Simulator) summary(c *call, l leg, state string, due time.Time) map[string]any {
	callState := strings.ReplaceAll(string(l.status), "-", "")
	if l.status == schema.StatusFailed {
		callState = "fail"
	}
	data := map[string]any{
		"account_sid": s.config.AccountSID, "call_sid": l.sid, "parent_call_sid": l.parent,
		"parent_account_sid": "", "created_time": c.fact(l.start).Format(time.RFC3339),
		"start_time": c.fact(l.start).Format(time.RFC3339), "call_type": callType(l), "call_state": callState,
		"processing_state": state, "processing_version": 1, "answered_by": "unknown",
		"from": summaryParty(l.from, "caller"), "to": summaryParty(l.to, "callee"), "tags": []string{}, "attributes": map[string]any{},
		"properties": map[string]any{
			"direction": strings.ReplaceAll(string(l.direction), "-", "_"), "disconnected_by": "callee",
			"trunk_sid": l.trunkSID, "pdd_ms": 1200, "last_sip_response_num": 200, "region": "us1",
		},
	}
	if state == "partial" && due.Before(c.ends(l)) {
		data["call_state"] = "ringing"
		return data
	}
	data["end_time"] = c.fact(l.end).Format(time.RFC3339)
	data["duration"] = l.end - l.start
	data["connect_duration"] = l.talk()
	return data
}

func summaryParty(p party, role string) map[string]any {
	return map[string]any{
		role: p.raw, "carrier": "Simulated Mobile", "connection": "mobile", "number_prefix": "", "city": "",
		"country_code": "US", "location": map[string]any{"lat": 37.7, "lon": -122.4},
	}
}

func callType(l leg) string {
	switch {
	case l.direction.Trunk():
		return "trunking"
	case strings.HasPrefix(strings.ToLower(l.from.raw+l.to.raw), "sip:"):
		return "sip"
	}
	return "carrier"
}

// messageData is the data of an SMS event: camelCase, statuses in capitals.
func (s *Simulator) messageData(c *call, m messageScript, status string, offset int) map[string]any {
	data := map[string]any{
		"messageSid": m.sid, "accountSid": s.config.AccountSID, "from": m.from.raw, "to": m.to.raw,
		"timestamp": milliseconds(c.fact(offset)), "apiVersion": apiVersion, "tags": map[string]any{},
	}
	if m.inbound {
		data["eventName"] = "com.twilio.messaging.inbound-message.received"
		data["body"], data["numMedia"], data["numSegments"] = "See you on Thursday.", 0, 1
		return data
	}
	data["eventName"] = "com.twilio.messaging.message." + status
	data["messageStatus"], data["numberOfSegments"], data["errorCode"] = strings.ToUpper(status), 1, 0
	if status == "undelivered" {
		data["errorCode"] = 30003
	}
	return data
}

// mustJSON encodes values of this package, all of which can be encoded.
func mustJSON(value any) json.RawMessage {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return data
}

func itoa(n int) string                 { return strconv.Itoa(n) }
func rfc2822(t time.Time) string        { return t.UTC().Format(time.RFC1123Z) }
func milliseconds(t time.Time) string   { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
func accountPath(account string) string { return "/" + apiVersion + "/Accounts/" + account }

func callPath(account, sid string) string      { return accountPath(account) + "/Calls/" + sid }
func recordingPath(account, sid string) string { return accountPath(account) + "/Recordings/" + sid }
func messagePath(account, sid string) string {
	return accountPath(account) + "/Messages/" + sid + ".json"
}
