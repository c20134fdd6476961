package schema

import (
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the forms of time that Twilio's products write: RFC 3339
// (Event Streams, Insights), RFC 2822 (REST, callbacks), with and without a
// leading weekday or a leading zero of the day.
var timeLayouts = []string{
	time.RFC3339Nano,
	time.RFC1123Z,
	time.RFC1123,
	"Mon, 2 Jan 2006 15:04:05 -0700",
	"2 Jan 2006 15:04:05 -0700",
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02 15:04:05Z07:00",
}

// ParseTime reads a time as any of Twilio's products writes it and returns it
// in UTC, to the microsecond (what Postgres keeps). ok is false for an empty
// or unreadable one: a time is then unknown, never zero.
func ParseTime(s string) (t time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond), true
		}
	}
	return time.Time{}, false
}

// ParseSeconds reads a duration in whole seconds: digits ("37250", as Twilio
// sends them) or a clock ("10:20:50", "20:50", as exports write them), of any
// number of hours. ok is false for an empty, negative or unreadable one.
func ParseSeconds(s string) (seconds int, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	if strings.Contains(s, ":") {
		return parseClock(s)
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, false
	}
	return int(n), true
}

// parseClock reads [[h:]m:]s.
func parseClock(s string) (seconds int, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || (i > 0 && n > 59) {
			return 0, false
		}
		seconds = seconds*60 + int(n)
	}
	return seconds, true
}
