package ingress

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/loquent/callstream/schema"
)

// Bounds on what a request of Event Streams may hold. Twilio's own batches have
// at most 64 kB; what is beyond these is not an event of Twilio's, and kept as
// it is.
const (
	maxEvents = 1000
	maxEvent  = 128 << 10 // bytes; the stream's messages hold it even when every byte is escaped
)

// envelope is a CloudEvent.
type envelope struct {
	Type text   `json:"type"`
	ID   text   `json:"id"`
	Time text   `json:"time"`
	Data object `json:"data"`
}

// readEvents reads what Event Streams delivers, each event by itself.
func readEvents(d *delivery) []verdict {
	elements, err := split(d.body)
	if err != nil {
		return []verdict{d.undecodable(string(unknown), d.body, err)}
	}
	verdicts := make([]verdict, 0, len(elements))
	for _, element := range elements {
		verdicts = append(verdicts, d.readEvent(element))
	}
	return verdicts
}

// split returns the events of a body: of an array, as documented, or of a
// single object, as some sinks are said to send it.
func split(body []byte) ([]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(body)
	if !bytes.HasPrefix(trimmed, []byte("[")) {
		if !json.Valid(trimmed) {
			return nil, schema.Errorf(schema.Invalid, "the body is not JSON")
		}
		return []json.RawMessage{trimmed}, nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(trimmed, &elements); err != nil {
		return nil, schema.Errorf(schema.Invalid, "read events: %w", err)
	}
	if len(elements) > maxEvents {
		return nil, schema.Errorf(schema.Invalid, "%d events in one request", len(elements))
	}
	return elements, nil
}

func checkSize(raw []byte) error {
	if len(raw) > maxEvent {
		return schema.Errorf(schema.Invalid, "an event of %d bytes", len(raw))
	}
	return nil
}

// readEvent reads one event. Of a type that is not known nothing more is read.
func (d *delivery) readEvent(raw json.RawMessage) verdict {
	if err := checkSize(raw); err != nil {
		return d.undecodable(string(unknown), raw, err)
	}
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return d.undecodable(string(unknown), raw, schema.Errorf(schema.Invalid, "read event: %w", err))
	}
	if e.Type == "" {
		return d.undecodable(string(unknown), raw, schema.Errorf(schema.Invalid, "the event has no type"))
	}
	t, known := typeNamed(string(e.Type))
	switch {
	case !known:
		return verdict{kind: string(unknown), outcome: unknown}
	case t.read == nil:
		return verdict{kind: t.kind, outcome: ignored}
	}
	meta := d.meta(schema.OriginEventStream, bytes.ToValidUTF8(raw, []byte("\uFFFD")))
	meta.SourceID, meta.SourceType = shorten(string(e.ID)), string(e.Type)
	if at := moment(string(e.Time)); at != nil {
		meta.OccurredAt = *at
	}
	event, err := t.read(meta, e.Data)
	return d.judge(t.kind, raw, event, err)
}

// webhookData is the data of an event that mirrors a callback. Source: Twilio's
// event type Voice.WebhookEvent.
type webhookData struct {
	SID     text `json:"sid"`
	Request struct {
		Parameters params `json:"parameters"`
	} `json:"request"`
}

// mirrored reads such events as the callback that they mirror, so that both
// make the same event.
func mirrored(read callbackReader) dataReader {
	return func(meta schema.Header, data []byte) (schema.Event, error) {
		var d webhookData
		if err := json.Unmarshal(data, &d); err != nil {
			return nil, schema.Errorf(schema.Invalid, "read mirrored callback: %w", err)
		}
		p := d.Request.Parameters
		if p == nil {
			p = params{}
		}
		if p["CallSid"] == "" {
			p["CallSid"] = d.SID
		}
		return read(meta, p)
	}
}

// nameplate holds the places where events of different families name their
// account.
type nameplate struct {
	Type text   `json:"type"`
	ID   text   `json:"id"`
	Data object `json:"data"`
}

// accountOfEvents returns the account of the first event that names one.
func accountOfEvents(body []byte) string {
	elements, err := split(body)
	if err != nil {
		return ""
	}
	for _, element := range elements {
		var n nameplate
		if json.Unmarshal(element, &n) != nil {
			continue
		}
		if sid := n.account(); schema.ValidSID(sid, schema.AccountPrefix) {
			return sid
		}
	}
	return ""
}

func (n nameplate) account() string {
	if strings.HasSuffix(string(n.Type), "test-event") {
		return string(n.ID)
	}
	var data struct {
		Insights  text `json:"account_sid"`
		Messaging text `json:"accountSid"`
		Request   struct {
			Parameters struct {
				Voice text `json:"AccountSid"`
			} `json:"parameters"`
		} `json:"request"`
	}
	if json.Unmarshal(n.Data, &data) != nil {
		return ""
	}
	return string(cmp.Or(data.Insights, data.Messaging, data.Request.Parameters.Voice))
}
