package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema/scan"
)

// sourceEvent is the member of an event in which Twilio's own words are.
const sourceEvent = "source_event"

// carrier is a pointer to an event, whose header it changes.
type carrier[E Event] interface {
	*E
	carry(source json.RawMessage)
}

// carry has the event carry Twilio's own words.
func (h *Header) carry(source json.RawMessage) { h.SourceEvent = source }

// Encode writes an event as [Decode] reads it. Twilio's own words are kept as
// they are, to the byte; the error is [Invalid] where they are not JSON.
func Encode(e Event) ([]byte, error) {
	switch e := e.(type) {
	case CallAnswered:
		return encode(e)
	case CallReceived:
		return encode(e)
	case CallCompleted:
		return encode(e)
	case InsightsSummary:
		return encode(e)
	case RecordingProcessed:
		return encode(e)
	case RecordingArchived:
		return encode(e)
	case RecordingTranscribed:
		return encode(e)
	case MessageUpdated:
		return encode(e)
	}
	data, err := json.Marshal(e) // a form of one of them that writes itself
	if err != nil {
		return nil, Errorf(Invalid, "encode %s: %w", e.MsgID(), err)
	}
	return data, nil
}

// encode writes the event without Twilio's own words and appends those: checked,
// but neither copied through an encoder nor changed.
func encode[E Event, P carrier[E]](event E) ([]byte, error) {
	source := event.Meta().SourceEvent
	P(&event).carry(nil)
	data, err := json.Marshal(&event)
	if err != nil {
		return nil, Errorf(Invalid, "encode %s: %w", event.MsgID(), err)
	}
	if len(source) == 0 {
		return data, nil
	}
	words, err := scan.Value(string(source))
	if err != nil {
		return nil, Errorf(Invalid, "encode %s: its source: %w", event.MsgID(), err)
	}
	whole := make([]byte, 0, len(data)+len(words)+len(sourceEvent)+4)
	whole = append(whole, data[:len(data)-1]...) // no event is an empty object
	whole = append(whole, `,"`+sourceEvent+`":`...)
	whole = append(whole, words...)
	return append(whole, '}'), nil
}

// errPlain says that an event is decoded as any JSON is.
var errPlain = errors.New("nothing to lift")

// lift takes Twilio's own words out of an event's JSON and returns the rest. An
// event with none, or with an odd form, is returned whole; so is what is no
// object, for its reader to refuse.
func lift(data []byte) (rest []byte, source json.RawMessage, err error) {
	text := string(data)
	var words string
	var others strings.Builder
	err = scan.Object(text, func(name, value string) error {
		switch {
		case strings.EqualFold(name, sourceEvent) && (name != sourceEvent || words != ""):
			return errPlain // as encoding/json would have it
		case name == sourceEvent:
			words = value
			return nil
		case strings.ContainsAny(name, "\"\\") || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }):
			return errPlain
		}
		others.WriteString(map[bool]string{true: `{"`, false: `,"`}[others.Len() == 0])
		others.WriteString(name)
		others.WriteString(`":`)
		others.WriteString(value)
		return nil
	})
	switch {
	case errors.Is(err, errPlain), words == "" && err == nil:
		return data, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read event: %w", err)
	case others.Len() == 0:
		return []byte("{}"), json.RawMessage(words), nil
	}
	others.WriteByte('}')
	return []byte(others.String()), json.RawMessage(words), nil
}
