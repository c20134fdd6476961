package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/loquent/callstream/schema"
)

// numbers is what the page about telephone numbers shows.
type numbers struct {
	Numbers []schema.PhoneNumber
	Typed   string // that could not be added
	Problem *problem
}

// numbers lists the organization's numbers.
func (c *console) numbers(v *visit) error { return v.numbers("", nil) }

// numbers shows the list, with what was wrong with a number that was typed.
func (v *visit) numbers(typed string, wrong *problem) error {
	n := numbers{Typed: typed, Problem: wrong}
	var err error
	if n.Numbers, err = v.listNumbers(); err != nil {
		return err
	}
	return v.render(wrong.status(), "numbers", "Numbers", n)
}

func (v *visit) listNumbers() ([]schema.PhoneNumber, error) {
	var answer struct{ Numbers []schema.PhoneNumber }
	err := v.get("/api/numbers", nil, &answer)
	return answer.Numbers, err
}

// addNumber gives the organization a number.
func (c *console) addNumber(v *visit) error {
	typed := v.typed("number")
	if typed == "" {
		return v.numbers("", amiss("Enter a number."))
	}
	var added struct{ Number string }
	err := v.send(http.MethodPost, "/api/numbers", map[string]any{"number": typed}, &added)
	if p := refused(err); p != nil {
		return v.numbers(typed, p)
	}
	if err != nil {
		return err
	}
	v.notice("%s is added. Connect it, so that Twilio tells callstream of its calls.", phone(added.Number))
	return v.redirect("/numbers")
}

// numberPath is where the API has the number that the form names.
func (v *visit) numberPath() string { return "/api/numbers/" + url.PathEscape(v.typed("number")) }

// removeNumber takes a number away.
func (c *console) removeNumber(v *visit) error {
	return v.atNumber(http.MethodDelete, "", "is removed. Its calls are no longer recorded; what was recorded stays.")
}

// connectNumber points a number at Twilio to callstream.
func (c *console) connectNumber(v *visit) error {
	return v.atNumber(http.MethodPost, "/connect", "is connected: Twilio tells callstream of its calls.")
}

// atNumber has the API do something with a number, and says that it is done.
func (v *visit) atNumber(method, path, done string) error {
	err := v.send(method, v.numberPath()+path, nil, nil)
	if p := refused(err); p != nil {
		return v.numbers("", p)
	}
	if err != nil {
		return err
	}
	v.notice("%s %s", phone(v.typed("number")), done)
	return v.redirect("/numbers")
}

// voice is what the page about how a number is answered shows.
type voice struct {
	Number  string
	Plan    schema.VoicePlan // as stored, or as typed and refused
	Problem *problem
}

// voice shows how calls to a number are answered.
func (c *console) voice(v *visit) error {
	list, err := v.listNumbers()
	if err != nil {
		return err
	}
	number := v.r.FormValue("number")
	i := slices.IndexFunc(list, func(n schema.PhoneNumber) bool { return n.Number == number })
	if i < 0 {
		return &problem{Status: http.StatusNotFound, Detail: "Your organization does not have this number."}
	}
	shown := voice{Number: number}
	if list[i].Voice != nil {
		shown.Plan = *list[i].Voice
	}
	return v.show("voice", "How "+phone(number)+" is answered", shown)
}

// setVoice stores how calls to a number are answered. What the form has for
// another action than the chosen one is left out.
func (c *console) setVoice(v *visit) error {
	plan, wrong := v.plan()
	if wrong == nil {
		var err error
		if plan.Action == "" {
			err = v.send(http.MethodDelete, v.numberPath()+"/voice", nil, nil)
		} else {
			err = v.send(http.MethodPut, v.numberPath()+"/voice", plan, nil)
		}
		if wrong = refused(err); err != nil && wrong == nil {
			return err
		}
	}
	number := v.typed("number")
	if wrong != nil {
		return v.render(wrong.status(), "voice", "How "+phone(number)+" is answered", voice{number, plan, wrong})
	}
	if plan.Action == "" {
		v.notice("callstream does not answer calls to %s.", phone(number))
	} else {
		v.notice("Saved, from the next call on. Connect %s, so that Twilio asks callstream how to answer.", phone(number))
	}
	return v.redirect("/numbers")
}

// plan reads the form.
func (v *visit) plan() (p schema.VoicePlan, wrong *problem) {
	p = schema.VoicePlan{Action: schema.VoiceAction(v.typed("action")), Announcement: v.typed("announcement"), Language: v.typed("language")}
	switch p.Action {
	case schema.VoiceForward:
		p.To, p.CallerID = v.typed("to"), v.typed("caller_id")
		p.RingSeconds, wrong = v.whole("ring_seconds", "how long to ring")
	case schema.VoiceVoicemail:
		p.Greeting, p.Unrecorded = v.typed("greeting"), v.typed("unrecorded_text")
		p.MaxSeconds, wrong = v.whole("max_seconds", "the longest message")
	}
	return p, wrong
}
