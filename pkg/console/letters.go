package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/loquent/callstream/schema"
)

// letters is what the page about dead letters shows.
type letters struct {
	Letters  []schema.LetterEntry
	Filter   url.Values // as the form has it
	Filtered bool
	Next     string // the address of the next page; empty on the last
	Newest   bool   // it is the first page
}

// letterFilter are the fields of the form that the API takes as they are.
var letterFilter = []string{"consumer", "reason", "state", "since", "until", "organization"}

// States are those to choose from.
func (letters) States() []choice {
	return []choice{
		{Value: "", Name: "Need work"}, {Value: "open", Name: "Open"}, {Value: "retrying", Name: "Being retried"},
		{Value: "resolved", Name: "Resolved"}, {Value: "failed_again", Name: "Failed again"}, {Value: "removed", Name: "Removed"}, {Value: "any", Name: "Any"},
	}
}

// Reasons are those to choose from.
func (letters) Reasons() []choice { return reasons }

// Consumers are those to choose from.
func (letters) Consumers() []consumer {
	return append([]consumer{{Name: schema.ConsumerIngress, Does: "Takes in what Twilio sends"}}, consumers...)
}

// reasons are why messages are given up, as people say it.
var reasons = []choice{
	{Value: schema.ReasonExhausted, Name: "Attempts ran out"},
	{Value: schema.ReasonUndecodable, Name: "Cannot be read"},
	{Value: schema.ReasonForeign, Name: "Another’s account"},
	{Value: string(schema.NotFound), Name: "Not found"},
	{Value: string(schema.Refused), Name: "Refused"},
	{Value: string(schema.Corrupt), Name: "Damaged"},
	{Value: string(schema.Invalid), Name: "Not valid"},
	{Value: string(schema.Forbidden), Name: "Not permitted"},
	{Value: string(schema.Unauthorized), Name: "Credentials refused"},
	{Value: string(schema.Conflict), Name: "In conflict"},
}

// reasonText returns the reason in words, itself where there are none.
func reasonText(reason string) string {
	for _, r := range reasons {
		if r.Value == reason {
			return r.Name
		}
	}
	return reason
}

// selectedLetters reads the filter of the address or of a form.
func (v *visit) selectedLetters() (query url.Values) {
	query = url.Values{}
	for _, name := range letterFilter {
		if text := v.r.FormValue(name); text != "" {
			query.Set(name, text)
		}
	}
	return query
}

// letters lists the dead letters that the filter selects.
func (c *console) letters(v *visit) error {
	query := v.selectedLetters()
	shown := letters{Filter: query, Filtered: len(query) > 0, Newest: v.r.FormValue("cursor") == ""}
	asked := url.Values{}
	for name, values := range query {
		asked[name] = values
	}
	if cursor := v.r.FormValue("cursor"); cursor != "" {
		asked.Set("cursor", cursor)
	}
	var answer struct {
		Letters []schema.LetterEntry `json:"dead_letters"`
		Next    string
	}
	if err := v.everywhere().get(v.r.Context(), "/api/deadletters", asked, &answer); err != nil {
		return unconnected(err)
	}
	shown.Letters, shown.Next = answer.Letters, nextPage(v.r.URL, answer.Next)
	return v.show("letters", "Dead letters", shown)
}

// retryLetters has the chosen letters tried again and says what came of it.
func (c *console) retryLetters(v *visit) error {
	ids := v.chosen()
	retried := 0
	var last error
	for _, id := range ids {
		err := v.everywhere().do(v.r.Context(), http.MethodPost, fmt.Sprintf("/api/deadletters/%d/retry", id), nil, nil)
		if err != nil && refused(err) == nil {
			return err
		}
		if err != nil {
			last = fmt.Errorf("dead letter %d: %w", id, err)
			continue
		}
		retried++
	}
	switch {
	case last != nil:
		v.complain(fmt.Errorf("%d of %s tried again; the last that could not be is %w", retried, plural(len(ids), "letter is", "letters are"), last))
	case retried == 0:
		v.complain(fmt.Errorf("choose the letters that are to be tried again"))
	default:
		v.notice("%s being tried again. Each tells what comes of it.", plural(retried, "letter is", "letters are"))
	}
	return v.redirect("/dead-letters?" + v.selectedLetters().Encode())
}

// chosen returns the ids of the letters that the form names, in order.
func (v *visit) chosen() (ids []uint64) {
	_ = v.r.ParseForm() // what does not parse names none
	for _, text := range v.r.PostForm["id"] {
		if id, err := strconv.ParseUint(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// sweep is what the page shows while a whole selection is tried again.
type sweep struct {
	Filter  url.Values
	Retried int
	Refused int
	Why     string // the last that was refused, and why
	Next    string // there are more; empty: it is over
}

// sweepLetters has every open letter tried again that the filter selects, one
// bounded request of the API's after another: the page asks for the next.
func (c *console) sweepLetters(v *visit) error {
	s := sweep{Filter: v.selectedLetters(), Why: v.typed("why")}
	s.Filter.Del("state") // only what is open can be tried again
	s.Retried, _ = strconv.Atoi(v.typed("retried"))
	s.Refused, _ = strconv.Atoi(v.typed("refused"))
	filter := map[string]string{}
	for name := range s.Filter {
		filter[name] = s.Filter.Get(name)
	}
	var answer struct {
		Retried int
		Refused []struct {
			ID     uint64
			Detail string
		}
		Next string
	}
	err := v.everywhere().do(v.r.Context(), http.MethodPost, "/api/deadletters/retry",
		map[string]any{"filter": filter, "rate": sweepRate, "cursor": v.typed("cursor")}, &answer)
	if err != nil {
		return err
	}
	s.Retried, s.Refused, s.Next = s.Retried+answer.Retried, s.Refused+len(answer.Refused), answer.Next
	for _, r := range answer.Refused {
		s.Why = fmt.Sprintf("Dead letter %d: %s", r.ID, r.Detail)
	}
	return v.show("sweep", "Retry dead letters", s)
}

// sweepRate is how many letters a second a selection is tried again at.
const sweepRate = 50
