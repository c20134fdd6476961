package console

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// pair makes two values one, for a template that needs both.
func pair(a, b any) struct{ A, B any } { return struct{ A, B any }{a, b} }

// actorText returns who did something as people say it.
func actorText(a schema.Actor) string {
	kind, name, _ := strings.Cut(string(a), ":")
	switch {
	case a == schema.System || a == "":
		return "callstream"
	case name == "":
		return string(a)
	case kind == "cli":
		return name + " (terminal)"
	}
	return name
}

var backticked = regexp.MustCompile("`([^`]+)`")

// prose returns a text of the API's with what it quotes as code.
func prose(text string) template.HTML {
	escaped := template.HTMLEscapeString(text)
	return template.HTML(backticked.ReplaceAllString(escaped, "<code>$1</code>")) //nolint:gosec // escaped
}

// rateText returns how many a second, "–" where that is not known.
func rateText(perSecond *float64) string {
	switch {
	case perSecond == nil:
		return "–"
	case *perSecond == 0 || *perSecond >= 100:
		return fmt.Sprintf("%.0f", *perSecond)
	}
	return fmt.Sprintf("%.1f", *perSecond)
}

// spanText returns how long it is from one moment to another, as "3 min".
func spanText(from, to time.Time) string {
	seconds := int(max(to.Sub(from), 0).Seconds())
	for _, step := range []struct {
		size int
		unit string
	}{{86400, "d"}, {3600, "h"}, {60, "min"}} {
		if seconds >= 2*step.size {
			return fmt.Sprintf("%d %s", seconds/step.size, step.unit)
		}
	}
	return fmt.Sprintf("%d s", seconds)
}

// consumer is a durable's consumer as people know it.
type consumer struct {
	Name, Does string
	Effect     string // what its work does outside callstream, which only operators may have it do again
}

// consumers are those that there are, in the order in which a call meets them.
var consumers = []consumer{
	{"calls", "Keeps the list of calls and their timelines", ""},
	{"recorder", "Starts recordings where the switch is on", schema.SideEffectRecorder},
	{"archiver", "Fetches recordings, proves and stores them", ""},
	{"transcriber", "Turns recordings into text", ""},
	{"reaper", "Deletes at Twilio what is archived", schema.SideEffectReaper},
	{"messages", "Keeps the list of SMS messages", ""},
}

// turnOf returns the consumer's place in the order in which a call meets them.
func turnOf(name string) int {
	for i, c := range consumers {
		if c.Name == name {
			return i
		}
	}
	return len(consumers)
}

// consumerNamed returns the consumer of that name, with the name alone for one
// that is not known here.
func consumerNamed(name string) consumer {
	for _, c := range consumers {
		if c.Name == name {
			return c
		}
	}
	return consumer{Name: name}
}

// deeds are the actions of the audit log as people say them.
var deeds = map[string]string{
	"settings.create":     "Entered the Twilio account",
	"settings.update":     "Changed settings",
	"events.save":         "Changed event streaming",
	"events.test":         "Delivered a test event",
	"number.add":          "Added a number",
	"number.remove":       "Removed a number",
	"number.voice":        "Changed how a number is answered",
	"number.connect":      "Connected a number at Twilio",
	"key.create":          "Made an API key",
	"key.rotate":          "Rotated an API key",
	"key.revoke":          "Revoked an API key",
	"organization.create": "Made the organization",
	"organization.rename": "Renamed the organization",
	"recording.play":      "Played a recording",
	"deadletter.retry":    "Retried a dead letter",
	"deadletter.remove":   "Removed a dead letter",
	"replay.start":        "Started a replay",
	"replay.resume":       "Resumed a replay",
	"replay.cancel":       "Cancelled a replay",
	"secrets.rotate":      "Sealed the tokens anew",
}

// told returns a value of the audit log's: a time in the viewer's zone, anything
// else as it is.
func told(value string) any {
	if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return timeTag("full")(at)
	}
	return value
}

// deed returns the action in words, itself where there are none.
func deed(action string) string {
	if words, ok := deeds[action]; ok {
		return words
	}
	return action
}
