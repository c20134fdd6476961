package ingress

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/loquent/callstream/schema"
)

// text is a value of Twilio's JSON, whatever its type: products differ in what
// they quote. A number or boolean is its literal, an array its first element,
// null and an object are empty.
type text string

// UnmarshalJSON reads any JSON value.
func (t *text) UnmarshalJSON(data []byte) error {
	*t = ""
	switch data[0] {
	case '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("read text: %w", err)
		}
		*t = text(clean(s))
	case '[':
		var all []text
		if err := json.Unmarshal(data, &all); err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		if len(all) > 0 {
			*t = all[0]
		}
	case '{', 'n':
	default:
		*t = text(data)
	}
	return nil
}

// object is a JSON object's raw bytes, or the same object as a JSON string
// around them, as older schemas have it.
type object []byte

// UnmarshalJSON takes the string off.
func (o *object) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		*o = bytes.Clone(data)
		return nil
	}
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read quoted object: %w", err)
	}
	*o = object(s)
	return nil
}

// clean removes what JSON or Postgres cannot hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// maxText bounds texts that may become part of an index or a header.
const maxText = 255

// shorten cuts a text that is too long to be what it says it is, spaces around
// it, and what would break the line that it may stand in.
func shorten(s string) string {
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, s))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// party normalizes a call's or message's party. One that was cut would be
// another's number, so too long a one is an error.
func party(field, s string) (string, error) {
	if len(s) > maxText {
		return "", schema.Errorf(schema.Invalid, "%s has %d bytes", field, len(s))
	}
	return schema.NormalizeNumber(s), nil
}

// count reads a whole number; what is not one counts as 0.
func count(s string) int {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 30)
	if err != nil {
		return 0
	}
	return int(n) //nolint:gosec // 30 bits
}

// moment reads a time; nil is unknown.
func moment(s string) *time.Time {
	if at, ok := schema.ParseTime(s); ok {
		return &at
	}
	return nil
}

// seconds reads a duration; nil is unknown.
func seconds(s string) *int {
	if n, ok := schema.ParseSeconds(s); ok {
		return &n
	}
	return nil
}
