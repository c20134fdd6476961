package simulator

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/loquent/callstream/schema"
)

// voiceEntry is what was answered when it was asked what to do with a call.
type voiceEntry struct {
	CallSID  string    `json:"call_sid"`
	Asked    time.Time `json:"asked"`
	At       time.Time `json:"at"` // when the answer was there
	Status   int       `json:"status,omitempty"`
	Type     string    `json:"type,omitempty"` // of the content
	Document string    `json:"document,omitempty"`
	Error    string    `json:"error,omitempty"` // why there was no answer
}

// twiml reads the answer.
func (e voiceEntry) twiml() ([]element, error) {
	if e.Error != "" {
		return nil, schema.Errorf(schema.Unavailable, "%s", e.Error)
	}
	return readTwiML(e.Status, e.Type, e.Document)
}

// inquiry is a request for TwiML: of the number's voice URL first, then of the
// action URLs that the answers name.
type inquiry struct {
	url, method string
	due         int // offset
	status      schema.CallStatus
	results     url.Values // of the verb whose action URL it is
}

// conversation is what is known of a call that is answered by whoever the
// number's voice URL belongs to. Each answer carries it on:
//
//	ringing ──answer──▶ its verbs ──action──▶ asked again ──answer──▶ ...
//	                            └──hang-up, or no verb left──▶ over
//
// Where a verb ends in an action URL the rest of the call depends on what that
// answers, and its end lies in the unknown.
type conversation struct {
	world    world
	ours     bool     // the voice URL is callstream's
	next     *inquiry // nil: it is settled how the call goes on to its end
	farewell *inquiry // told of the hang-up; its answer changes nothing
	answers  int
	spoke    *voiceEntry  // the first answer that was TwiML
	recorded []voiceEntry // the answers that asked for a recording
	errors   []string     // answers at which the caller heard an error
}

const (
	never       = 1 << 24 // the offset of what nobody knows yet
	apology     = 4       // seconds that "an application error has occurred" takes
	mostAnswers = 10      // of one call; one that asks on is in a loop
)

// converse makes a call of the script one that is answered by a number's voice
// URL: what the script knows beyond the caller is forgotten.
func (c *call) converse(w world) {
	n := c.Called
	c.voice = &conversation{
		world: w, ours: c.Ours,
		next: &inquiry{url: n.VoiceURL, method: cmp.Or(n.VoiceMethod, http.MethodPost), status: schema.StatusRinging},
	}
	c.legs, c.script.recordings = c.legs[:1:1], nil
	c.legs[0].answer, c.legs[0].end = -1, never
	c.legs[0].callback, c.legs[0].method = n.StatusURL, n.StatusMethod
}

// hear carries the conversation on by an answer.
func (c *call) hear(e voiceEntry, clips library) {
	v, asked := c.voice, *c.voice.next
	v.next = nil
	v.answers++
	at := max(c.offsetAfter(e.At), asked.due)
	if c.legs[0].answer < 0 {
		c.legs[0].answer = at
	}
	verbs, err := e.twiml()
	if err == nil && v.answers >= mostAnswers {
		err = errors.New("it is asked again and again")
	}
	if err != nil {
		v.errors = append(v.errors, asked.url+": "+err.Error())
		c.hangUp(at + apology)
		return
	}
	if v.spoke == nil {
		v.spoke = &e
	}
	p := performance{call: c, entry: e, asked: asked, clips: clips, manners: c.manners(), at: at}
	p.perform(verbs)
}

// offsetAfter is the offset of the whole second after a moment.
func (c *call) offsetAfter(moment time.Time) int {
	return int(float64(moment.Sub(c.At))*c.Speed*c.pace/float64(time.Second)) + 1
}

// hangUp ends the call.
func (c *call) hangUp(at int) { c.legs[0].end = at }

// ended reports whether it is known when the call ends.
func (c *call) ended() bool { return c.legs[0].end < never }

// manners are how people behave on a call, as far as TwiML leaves it to them.
type manners struct {
	picksUp  bool
	busy     bool // where nobody picks up
	ring     int  // until somebody does
	talk     int
	leaves   bool // the caller hangs up first
	message  int  // seconds; 0: is silent
	hasty    bool // hangs up before the tone
	patience int  // how long the caller lets it ring
}

// manners draws how people behave after an answer.
func (c *call) manners() manners {
	dice := newDice(c.Seed, c.legs[0].sid, "manners", itoa(c.voice.answers))
	unanswered := c.scenario == "unanswered-inbound"
	m := manners{
		picksUp: !unanswered, hasty: unanswered, busy: dice.IntN(2) == 0, ring: between(dice, 2, 9),
		talk: between(dice, 12, 90), leaves: dice.IntN(10) < 6, message: between(dice, 8, 30), patience: between(dice, 40, 90),
	}
	if dice.IntN(10) == 0 {
		m.message = 0
	}
	return m
}
