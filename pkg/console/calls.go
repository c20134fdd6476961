package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// callsPage is what the list of calls shows.
type callsPage struct {
	Query   callQuery
	Calls   []callRow
	Older   string // address of the next page; empty: there is none
	Newest  string // address of the first page; empty: it is this one
	Poll    string // address that brings the list up to date; empty: it stands still
	Problem *problem
}

// callRow is one call as the list shows it.
type callRow struct {
	schema.CallRecord
	State   state
	Excerpt excerpt
}

// callQuery is what the list is filtered by, as the address of the page has it.
type callQuery struct {
	Text, Number, Direction, Status, Recording, Transcript, Period, Since, Until, Cursor string
}

// readCallQuery reads it from the page's address.
func readCallQuery(q url.Values) callQuery {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return callQuery{
		Text: get("text"), Number: get("number"), Direction: get("direction"), Status: get("status"), Recording: get("recording"),
		Transcript: get("transcript"), Period: get("period"), Since: get("since"), Until: get("until"), Cursor: get("cursor"),
	}
}

// values is the query as the page's address has it.
func (q callQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"text": q.Text, "number": q.Number, "direction": q.Direction, "status": q.Status, "recording": q.Recording,
		"transcript": q.Transcript, "period": q.Period, "since": q.Since, "until": q.Until, "cursor": q.Cursor,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

// address returns the page that starts at cursor.
func (q callQuery) address(cursor string) string {
	q.Cursor = cursor
	if v := q.values(); len(v) > 0 {
		return "/calls?" + v.Encode()
	}
	return "/calls"
}

// Filtered reports whether less than all calls are asked for.
func (q callQuery) Filtered() bool {
	q.Cursor = ""
	return q != callQuery{}
}

// More counts the filters that are not always on view.
func (q callQuery) More() (n int) {
	for _, value := range []string{q.Direction, q.Status, q.Recording, q.Transcript, q.Period} {
		if value != "" {
			n++
		}
	}
	return n
}

// periods are the choices of time, with how far back they go; a custom one has
// bounds of its own.
var periods = map[string]time.Duration{"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}

const customPeriod = "custom"

// pageOfCalls is how many calls a page has.
const pageOfCalls = 50

// api is the query as the API takes it.
func (q callQuery) api(now time.Time) url.Values {
	v := url.Values{"limit": {strconv.Itoa(pageOfCalls)}}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("text", q.Text)
	set("number", digits(q.Number))
	set("direction", q.Direction)
	set("status", q.Status)
	set("transcript", q.Transcript)
	set("cursor", q.Cursor)
	switch rule, isRule := strings.CutPrefix(q.Recording, "rule:"); {
	case isRule:
		set("rule", rule)
		set("recorded", "false")
	case q.Recording == "yes":
		set("recorded", "true")
	case q.Recording == "no":
		set("recorded", "false")
	}
	if back := periods[q.Period]; back > 0 {
		set("since", now.Add(-back).UTC().Format(time.RFC3339))
	}
	if q.Period == customPeriod {
		set("since", instant(q.Since))
		set("until", instant(q.Until))
	}
	return v
}

// instant returns a time as the API takes it, of what a field for one gives: a
// script makes it a moment, without one it is in UTC.
func instant(field string) string {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, field); err == nil {
			return at.UTC().Format(time.RFC3339)
		}
	}
	return field
}

// digits takes from a number what people write between its digits. What is no
// telephone number stays as it is.
func digits(number string) string {
	if strings.Trim(number, "+0123456789 -–().,/\u00a0") != "" {
		return number
	}
	return strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
}

// calls shows the list of calls.
func (c *console) calls(v *visit) error {
	p := callsPage{Query: readCallQuery(v.r.URL.Query())}
	var answer struct {
		Calls []schema.CallRecord
		Next  string
	}
	err := v.get("/api/calls", p.Query.api(c.Clock()), &answer)
	if p.Problem = problemOf(err, http.StatusUnprocessableEntity); p.Problem == nil && err != nil {
		return err
	}
	for _, call := range answer.Calls {
		p.Calls = append(p.Calls, callRow{call, stateOf(call), excerptOf(call.Transcription, p.Query.Text)})
	}
	if answer.Next != "" {
		p.Older = p.Query.address(answer.Next)
	}
	if p.Query.Cursor != "" {
		p.Newest = p.Query.address("")
	} else if p.Problem == nil {
		p.Poll = v.r.URL.RequestURI()
	}
	return v.show("calls", "Calls", p)
}

// Rules are the reasons for which calls are not recorded, to choose from.
func (callsPage) Rules() []schema.Rule {
	return []schema.Rule{
		schema.RuleDisabled, schema.RuleNumberUnknown, schema.RuleNoSettings, schema.RuleCallEnded, schema.RuleStale,
		schema.RuleLookupFailed, schema.RuleTwilioRefused, schema.RuleTwilioAway,
	}
}

// Statuses are the states of calls, to choose from.
func (callsPage) Statuses() []schema.CallStatus { return schema.CallStatuses }
