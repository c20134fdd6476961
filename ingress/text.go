package ingress

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/loquent/callstream/schema"
	"github.com/loquent/callstream/schema/scan"
)

// text is a value of Twilio's JSON, whatever its type: products differ in what
// they quote. A number or boolean is its literal, an array its first element,
// null and an object are empty.
type text string

// UnmarshalJSON reads any JSON value.
func (t *text) UnmarshalJSON(data []byte) error {
	*t = textOf(string(data))
	return nil
}

// textOf reads a JSON value that is known to be one.
func textOf(value string) text {
	switch value[0] {
	case '"':
		s, _ := scan.String(value) // it is one
		return text(clean(s))
	case '[':
		var first text
		seen := false
		_ = scan.Array(value, func(element string) error { // it is one
			if !seen {
				first, seen = textOf(element), true
			}
			return nil
		})
		return first
	case '{', 'n':
		return ""
	}
	return text(value)
}

// objectOf returns the JSON object that a value is, or that it is a JSON string
// of, as older schemas have it.
func objectOf(value string) string {
	if s, ok := scan.String(value); ok {
		return s
	}
	return value
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
