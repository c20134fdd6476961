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
	"Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04:05 GMT",
	"Mon, 2 Jan 2006 15:04:05 UTC",
	"2 Jan 2006 15:04:05 -0700",
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02 15:04:05Z07:00",
}

// ParseTime reads a time as any of Twilio's products writes it and returns it
// in UTC, to the microsecond (what Postgres keeps). ok is false for an empty
// or unreadable one, for one before 1970 or after 9999, and for one in a zone
// that is only a name, whose offset is anybody's guess: a time is then unknown,
// never zero.
func ParseTime(s string) (t time.Time, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return plausible(t.UTC().Truncate(time.Microsecond))
		}
	}
	return time.Time{}, false
}

// plausible passes a time that JSON can carry and that a call can have had.
func plausible(t time.Time) (time.Time, bool) {
	if t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// maxSeconds is more than any call lasts, and what the database's integers hold.
const maxSeconds = 1e9

// ParseSeconds reads a duration in whole seconds: digits ("37250", as Twilio
// sends them; a fraction is cut off) or a clock ("10:20:50", "20:50", as
// exports write them), of any number of hours. ok is false for an empty,
// negative or unreadable one.
func ParseSeconds(s string) (seconds int, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	if strings.Contains(s, ":") {
		return parseClock(s)
	}
	if strings.Trim(s, "0123456789.") != "" { // no signs, exponents, NaN
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n > maxSeconds {
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
