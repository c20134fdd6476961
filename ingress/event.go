package ingress

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
	"github.com/loquent/callstream/schema/scan"
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
	kind, id, time text
	data           string // JSON
}

// readEvents reads what Event Streams delivers, each event by itself.
func readEvents(d *delivery) []verdict {
	elements, err := split(string(d.body))
	if err != nil {
		return []verdict{d.undecodable(string(unknown), string(d.body), err)}
	}
	verdicts := make([]verdict, 0, len(elements))
	for _, element := range elements {
		verdicts = append(verdicts, d.readEvent(element))
	}
	return verdicts
}

// split returns the events of a body: of an array, as documented, or of a
// single object, as some sinks are said to send it.
func split(body string) (elements []string, err error) {
	body = strings.TrimSpace(body)
	if !strings.HasPrefix(body, "[") {
		if !scan.Valid(body) {
			return nil, schema.Errorf(schema.Invalid, "the body is not JSON")
		}
		return []string{body}, nil
	}
	err = scan.Array(body, func(element string) error {
		elements = append(elements, element)
		return nil
	})
	if err != nil {
		return nil, schema.Errorf(schema.Invalid, "read events: %w", err)
	}
	if len(elements) > maxEvents {
		return nil, schema.Errorf(schema.Invalid, "%d events in one request", len(elements))
	}
	return elements, nil
}

func checkSize(raw string) error {
	if len(raw) > maxEvent {
		return schema.Errorf(schema.Invalid, "an event of %d bytes", len(raw))
	}
	return nil
}

// readEvent reads one event. Of a type that is not known nothing more is read.
func (d *delivery) readEvent(raw string) verdict {
	if err := checkSize(raw); err != nil {
		return d.undecodable(string(unknown), raw, err)
	}
	e, err := readEnvelope(raw)
	if err != nil {
		return d.undecodable(string(unknown), raw, schema.Errorf(schema.Invalid, "read event: %w", err))
	}
	if e.kind == "" {
		return d.undecodable(string(unknown), raw, schema.Errorf(schema.Invalid, "the event has no type"))
	}
	t, known := typeNamed(string(e.kind))
	switch {
	case !known:
		return verdict{kind: string(unknown), outcome: unknown}
	case t.read == nil:
		return verdict{kind: t.kind, outcome: ignored}
	}
	meta := d.meta(schema.OriginEventStream, json.RawMessage(strings.ToValidUTF8(raw, "\uFFFD")))
	meta.SourceID, meta.SourceType = shorten(string(e.id)), string(e.kind)
	if at := moment(string(e.time)); at != nil {
		meta.OccurredAt = *at
	}
	event, err := t.read(meta, e.data)
	return d.judge(t.kind, raw, event, err)
}

// readEnvelope reads a CloudEvent and leaves its data as they are.
func readEnvelope(raw string) (e envelope, err error) {
	err = scan.Object(raw, func(name, value string) error {
		switch name {
		case "type":
			e.kind = textOf(value)
		case "id":
			e.id = textOf(value)
		case "time":
			e.time = textOf(value)
		case "data":
			e.data = objectOf(value)
		}
		return nil
	})
	if err != nil {
		return e, fmt.Errorf("read envelope: %w", err)
	}
	return e, nil
}

// mirrored reads events that mirror a callback as that callback, so that both
// make the same event. Source: Twilio's event type Voice.WebhookEvent, in which
// the parameters are data.request.parameters.
func mirrored(read callbackReader) dataReader {
	return func(meta schema.Header, data string) (schema.Event, error) {
		sid, p, err := readMirrored(data)
		if err != nil {
			return nil, schema.Errorf(schema.Invalid, "read mirrored callback: %w", err)
		}
		if p.get("CallSid") == "" {
			p = append(p, param{name: "CallSid", value: sid})
		}
		return read(meta, p)
	}
}

// readMirrored returns the call that an event is about and the parameters of the
// callback that it mirrors.
func readMirrored(data string) (sid text, p params, err error) {
	err = members(data, func(name, value string) error {
		switch name {
		case "sid":
			sid = textOf(value)
		case "request":
			return members(value, func(name, value string) error {
				if name != "parameters" {
					return nil
				}
				p = make(params, 0, 48)
				return members(value, func(name, value string) error {
					p = append(p, param{name: name, json: value})
					return nil
				})
			})
		}
		return nil
	})
	return sid, p, err
}

// members walks over an object's members; null has none.
func members(value string, fn func(name, value string) error) error {
	if value == "null" {
		return nil
	}
	if err := scan.Object(value, fn); err != nil {
		return fmt.Errorf("read object: %w", err)
	}
	return nil
}

// accountOfEvents returns the account of the first event that names one.
func accountOfEvents(body []byte) string {
	elements, err := split(string(body))
	if err != nil {
		return ""
	}
	for _, element := range elements {
		e, err := readEnvelope(element)
		if err != nil {
			continue
		}
		if sid := e.account(); schema.ValidSID(sid, schema.AccountPrefix) {
			return sid
		}
	}
	return ""
}

// account returns the account that the event names, each family in its place.
func (e envelope) account() string {
	if strings.HasSuffix(string(e.kind), "test-event") {
		return string(e.id)
	}
	var insights, messaging text
	_, p, err := readMirrored(e.data)
	if err != nil {
		return ""
	}
	_ = members(e.data, func(name, value string) error { // it was walked over just now
		switch name {
		case "account_sid":
			insights = textOf(value)
		case "accountSid":
			messaging = textOf(value)
		}
		return nil
	})
	return cmp.Or(string(insights), string(messaging), p.get("AccountSid"))
}
