package console

import (
	"strings"

	"github.com/loquent/callstream/schema"
)

// health is what the page about the account's health shows.
type health struct {
	Asked    bool // false: the page asks for the findings once it is there
	Only     string
	Findings []finding
	Failed   int
	Warnings int
}

// finding is one of the doctor's, with where it can be mended.
type finding struct {
	schema.Finding
	Name  string // what was looked at
	Place *place // nil: not here
}

// health shows the page, which then asks for the findings: they take a while.
func (c *console) health(v *visit) error {
	return v.show("health", "Account health", health{})
}

// findings shows what the doctor finds, or of that only one part.
func (c *console) findings(v *visit) error {
	var answer struct{ Findings []schema.Finding }
	if err := v.get("/api/twilio/health", nil, &answer); err != nil {
		return err
	}
	h := health{Asked: true, Only: v.r.FormValue("only")}
	for _, f := range answer.Findings {
		if h.Only != "" && !strings.HasPrefix(f.Check, h.Only+".") {
			continue
		}
		h.Findings = append(h.Findings, readable(f))
		switch f.Severity {
		case schema.SeverityFailed:
			h.Failed++
		case schema.SeverityWarning:
			h.Warnings++
		}
	}
	return v.show("health", "Account health", h)
}

// examined says what the doctor's checks look at, and where that is set.
var examined = map[string]struct {
	name  string
	place place
}{
	"settings.account":       {"Account", place{path: "/settings/credentials", name: "Credentials"}},
	"twilio.credentials":     {"Credentials", place{path: "/settings/credentials", name: "Credentials"}},
	"twilio.secondary_token": {"Secondary token", place{path: "/settings/credentials", name: "Credentials"}},
	"recording.switch":       {"Recording switch", place{path: "/settings/telephony", name: "Telephony"}},
	"events.sinks.call":      {"Call events at Twilio", place{path: "/settings/events", name: "Event streaming"}},
	"events.sinks.sms":       {"SMS events at Twilio", place{path: "/settings/events", name: "Event streaming"}},
	"events.sinks":           {"Event sinks at Twilio", place{path: "/settings/events", name: "Event streaming"}},
	"events.test.call":       {"Test event of calls", place{path: "/settings/events", name: "Event streaming"}},
	"events.test.sms":        {"Test event of messages", place{path: "/settings/events", name: "Event streaming"}},
	"numbers.known":          {"Numbers here", place{path: "/numbers", name: "Numbers"}},
	"numbers.account":        {"Numbers at Twilio", place{path: "/numbers", name: "Numbers"}},
	"numbers.unknown":        {"Other numbers at Twilio", place{path: "/numbers", name: "Numbers"}},
	"numbers.voice":          {"Who answers calls", place{path: "/numbers", name: "Numbers"}},
	"insights.advanced":      {"Voice Insights", place{}},
	"media.storage":          {"Where media lie", place{}},
	"media.access":           {"Access to media", place{}},
}

// readable gives a finding a name and a place.
func readable(f schema.Finding) finding {
	known, ok := examined[f.Check]
	if !ok {
		return finding{Finding: f, Name: f.Check}
	}
	r := finding{Finding: f, Name: known.name}
	if known.place.path != "" && f.Severity != schema.SeverityOK {
		r.Place = &known.place
	}
	return r
}

// Path and Label are where the finding can be mended.
func (f finding) Path() string  { return f.Place.path }
func (f finding) Label() string { return f.Place.name }
