package console

import (
	"net/http"
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// streaming is what the pages about Twilio's Event Streams show.
type streaming struct {
	Missing bool // there is no Twilio account yet
	Kinds   []kindOfEvents
}

// kindOfEvents is one kind's sink, with what was just done to it.
type kindOfEvents struct {
	Kind    schema.EventKind
	Name    string // "Call event streaming"
	Brings  string // what they are for
	Stored  schema.EventStreaming
	Setup   *schema.SinkSetup   // what setting it up just came to
	Removal *schema.SinkRemoval // what removing it just came to
	Problem *problem
	Busy    *busy // it is being set up
}

// busy is a set-up that goes on.
type busy struct {
	Step   string // "setup" or "update"
	Before string // when the last test event before it had arrived
	Active bool   // it was there before
	Tested bool   // a later test event has arrived
}

// streaming shows the event sinks.
func (c *console) streaming(v *visit) error {
	s, err := v.streaming()
	if err != nil {
		return err
	}
	return v.show("streaming", "Event streaming", s)
}

// streaming reads what is stored of the sinks.
func (v *visit) streaming() (s streaming, err error) {
	var settings schema.Settings
	err = v.get("/api/twilio/settings", nil, &settings)
	if s.Missing = problemOf(err, http.StatusNotFound) != nil; s.Missing {
		err = nil
	}
	if err != nil || s.Missing {
		return s, err
	}
	s.Kinds = []kindOfEvents{
		{Kind: schema.CallEvents, Name: "Call event streaming", Stored: settings.CallEvents,
			Brings: "Twilio tells callstream of every call as it happens: that is how recordings start and why each call’s page can say what became of it."},
		{Kind: schema.SMSEvents, Name: "SMS event streaming", Stored: settings.SMSEvents,
			Brings: "Twilio tells callstream of messages as they are sent, delivered or fail."},
	}
	return s, nil
}

// kind finds the kind that the address names.
func (v *visit) kind(s *streaming) (*kindOfEvents, error) {
	i := slices.IndexFunc(s.Kinds, func(k kindOfEvents) bool { return string(k.Kind) == v.r.PathValue("kind") })
	if i < 0 {
		return nil, &problem{Status: http.StatusNotFound, Detail: "There is no such kind of events, or no Twilio account yet."}
	}
	return &s.Kinds[i], nil
}

// setupEvents sets a kind of events up. A browser with scripts is first shown
// how far it is, and asks again with run to have it done; one without waits.
func (c *console) setupEvents(v *visit) error {
	return v.settle("setup", func(kind schema.EventKind) (setup *schema.SinkSetup, err error) {
		var answer struct{ SMS, Call *schema.SinkSetup }
		err = v.lasting(http.MethodPost, "/api/twilio/setup-event-sink", map[string]any{string(kind) + "_events": true}, &answer)
		if kind == schema.SMSEvents {
			return answer.SMS, err
		}
		return answer.Call, err
	})
}

// updateEvents brings a kind's event types up to date.
func (c *console) updateEvents(v *visit) error {
	return v.settle("update", func(kind schema.EventKind) (setup *schema.SinkSetup, err error) {
		setup = &schema.SinkSetup{}
		return setup, v.lasting(http.MethodPost, "/api/twilio/update-event-subscription", map[string]any{"event_type": kind}, setup)
	})
}

// settle has work done on a kind's sink and shows what came of it.
func (v *visit) settle(step string, work func(schema.EventKind) (*schema.SinkSetup, error)) error {
	s, err := v.streaming()
	if err != nil {
		return err
	}
	kind, err := v.kind(&s)
	if err != nil {
		return err
	}
	if v.htmx() && v.r.FormValue("run") == "" {
		kind.Busy = &busy{Step: step, Before: momentText(kind.Stored.TestedAt), Active: kind.Stored.Active}
		return v.show("streaming", "Event streaming", s)
	}
	setup, err := work(kind.Kind)
	if err != nil && refused(err) == nil {
		return err
	}
	if s, err2 := v.streaming(); err2 == nil { // as it is stored now
		if now, err2 := v.kind(&s); err2 == nil {
			if now.Problem = refused(err); now.Problem == nil {
				now.Setup = setup
			}
			v.w.Header().Set("HX-Trigger", "events-changed") // what is at Twilio is looked at anew
			return v.show("streaming", "Event streaming", s)
		}
	}
	return err
}

// eventsProgress shows how far a set-up is: what is stored of it meanwhile.
func (c *console) eventsProgress(v *visit) error {
	s, err := v.streaming()
	if err != nil {
		return err
	}
	kind, err := v.kind(&s)
	if err != nil {
		return err
	}
	before := v.r.FormValue("before")
	kind.Busy = &busy{
		Step: v.r.FormValue("step"), Before: before, Active: v.r.FormValue("active") == "true", Tested: momentText(kind.Stored.TestedAt) != before,
	}
	return v.show("streaming", "Event streaming", s)
}

// momentText returns when something was, to be compared.
func momentText(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

// removeEvents ends a kind of events.
func (c *console) removeEvents(v *visit) error {
	s, err := v.streaming()
	if err != nil {
		return err
	}
	kind, err := v.kind(&s)
	if err != nil {
		return err
	}
	if v.typed("confirm") != string(kind.Kind) {
		kind.Problem = amiss("To remove " + kind.Name + ", type “" + string(kind.Kind) + "” into the field of the question.")
		return v.render(kind.Problem.status(), "streaming", "Event streaming", s)
	}
	var removal schema.SinkRemoval
	err = v.lasting(http.MethodPost, "/api/twilio/remove-event-sink",
		map[string]any{"event_type": kind.Kind, "forget": v.r.PostFormValue("forget") == "true"}, &removal)
	if err != nil && refused(err) == nil {
		return err
	}
	if s, err2 := v.streaming(); err2 == nil {
		if now, err2 := v.kind(&s); err2 == nil {
			if now.Problem = refused(err); now.Problem == nil {
				now.Removal = &removal
			}
			return v.render(now.Problem.status(), "streaming", "Event streaming", s)
		}
	}
	return err
}
