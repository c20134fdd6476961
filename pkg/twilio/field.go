package twilio

import (
	"time"

	"github.com/loquent/callstream/schema"
)

// The fields of Twilio's answers are pointers, and their times and durations
// text. These return what they say, and the unknown of schema for what is
// absent or unreadable.

func value[T any](field *T) T {
	if field == nil {
		var unknown T
		return unknown
	}
	return *field
}

func instant(field *string) *time.Time {
	if t, ok := schema.ParseTime(value(field)); ok {
		return &t
	}
	return nil
}

func seconds(field *string) *int {
	if n, ok := schema.ParseSeconds(value(field)); ok {
		return &n
	}
	return nil
}

func sid(field *string, prefix string) string {
	if schema.ValidSID(value(field), prefix) {
		return *field
	}
	return ""
}

// mismatch is the error of an answer about something else than was asked for.
func mismatch(asked, got string) error {
	return schema.Errorf(schema.Corrupt, "asked Twilio for %s and was answered %q", asked, got)
}
