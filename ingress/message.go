package ingress

import (
	"encoding/json"

	"github.com/loquent/callstream/schema"
)

// messageData is an SMS message's news. Sources: Twilio's event types
// Messaging.MessageStatus and Messaging.InboundMessageV1, which name the number
// of segments differently.
type messageData struct {
	MessageSID          text `json:"messageSid"`
	AccountSID          text `json:"accountSid"`
	From                text `json:"from"`
	To                  text `json:"to"`
	Body                text `json:"body"`
	NumberOfSegments    text `json:"numberOfSegments"`
	NumSegments         text `json:"numSegments"`
	NumMedia            text `json:"numMedia"`
	ErrorCode           text `json:"errorCode"`
	MessagingServiceSID text `json:"messagingServiceSid"`
	Timestamp           text `json:"timestamp"`
}

// readMessage makes the reader of messages that came to the given status, which
// the event's type names.
func readMessage(status schema.MessageStatus) dataReader {
	return func(meta schema.Header, data string) (schema.Event, error) {
		var d messageData
		if err := json.Unmarshal([]byte(data), &d); err != nil {
			return nil, schema.Errorf(schema.Invalid, "read message: %w", err)
		}
		meta.AccountSID = string(d.AccountSID)
		if err := schema.CheckSID("accountSid", meta.AccountSID, schema.AccountPrefix); err != nil {
			return nil, err
		}
		sid := string(d.MessageSID)
		if err := schema.CheckSID("messageSid", sid, schema.MessagePrefix, schema.MediaMessagePrefix); err != nil {
			return nil, err
		}
		if at := moment(string(d.Timestamp)); at != nil {
			meta.OccurredAt = *at
		}
		return d.event(meta, status)
	}
}

func (d *messageData) event(meta schema.Header, status schema.MessageStatus) (schema.Event, error) {
	from, err := party("from", string(d.From))
	if err != nil {
		return nil, err
	}
	to, err := party("to", string(d.To))
	if err != nil {
		return nil, err
	}
	return schema.MessageUpdated{
		Header:              meta,
		MessageSID:          string(d.MessageSID),
		Status:              status,
		From:                from,
		To:                  to,
		Body:                string(d.Body),
		Segments:            max(count(string(d.NumberOfSegments)), count(string(d.NumSegments))),
		Media:               count(string(d.NumMedia)),
		ErrorCode:           count(string(d.ErrorCode)),
		MessagingServiceSID: shorten(string(d.MessagingServiceSID)),
	}, nil
}
