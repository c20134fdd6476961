package simulator

import (
	"math/rand/v2"
	"strconv"

	"github.com/loquent/callstream/schema"
)

// world is what every call of a simulator shares. The journal keeps it,
// because calls that are resumed must find the same.
type world struct {
	AccountSID     string   `json:"account_sid"`
	OrganizationID string   `json:"organization_id"`
	Numbers        []string `json:"numbers"`
}

// script is everything that is settled about a call before it begins. It is a
// function of the seed, the call's index, the faults and the world alone, so
// that a call can be taken up again after the process died. Times are whole
// seconds from the call's start: all of Twilio's sources can write those, the
// ones with milliseconds and the ones without.
type script struct {
	scenario   string
	legs       []leg // the parent first
	recordings []recordingScript
	messages   []messageScript
	pace       float64 // how much faster than others the call passes: long calls need not be waited for
	abrupt     bool    // over the moment it is answered
	asks       bool    // its number's voice URL how to go on, where there is one
}

// leg is one leg of a call.
type leg struct {
	sid, parent        string
	from, to           party
	direction          schema.Leg
	start, answer, end int // answer is negative when nobody answered
	status             schema.CallStatus
	trunkSID           string
	callerName         string

	progress  bool // its initiated and ringing are announced
	answered  bool // its answer is announced
	completed bool // its end is announced
	summary   bool // Voice Insights sends a summary
	partial   bool // and a partial one before

	callback, method string // where it is announced; empty: where callstream's set-up has it, by POST
}

// talk is how many seconds were spoken.
func (l leg) talk() int {
	if l.answer < 0 {
		return 0
	}
	return l.end - l.answer
}

// number is the organization's own number on the leg; ok is false when there
// is none.
func (l leg) number() (number string, ok bool) {
	switch {
	case l.to.owned:
		return l.to.want, true
	case l.from.owned:
		return l.from.want, true
	}
	return "", false
}

// seen is the call's direction as the organization sees it.
func (l leg) seen() schema.Direction {
	switch {
	case l.to.owned && !l.from.owned:
		return schema.Inbound
	case l.from.owned && !l.to.owned:
		return schema.Outbound
	case l.direction == schema.LegInbound, l.direction == schema.LegTrunkingOriginating:
		return schema.Inbound
	}
	return schema.Outbound
}

// recordingScript is a recording that the customer's own set-up makes.
type recordingScript struct {
	sid      string
	source   string
	channels int
	start    int
	callback bool // the set-up names callstream as its recordingStatusCallback
}

// messageScript is an SMS message that goes along with a call.
type messageScript struct {
	sid      string
	from, to party
	inbound  bool
	final    string // delivered or undelivered
	at       int
}

// author writes a script.
type author struct {
	dice  *rand.Rand
	world world
	*script
}

// newScript writes the script of the index-th call.
func newScript(seed uint64, index int, w world) *script {
	a := &author{dice: newDice(seed, "script", strconv.Itoa(index)), world: w, script: &script{pace: 1}}
	chosen := scenarios[0] // The first call is one that is recorded and soon over: somebody waits to see it.
	if draw := a.dice.IntN(totalWeight()); index > 0 {
		chosen = scenarioAt(draw)
	}
	a.scenario = chosen.name
	chosen.write(a)
	for i := range a.legs {
		a.legs[i].partial = a.legs[i].summary && a.dice.IntN(4) == 0
	}
	if a.dice.IntN(8) == 0 {
		a.text()
	}
	return a.script
}

// ring, talk and breath draw seconds.
func (a *author) ring() int   { return between(a.dice, 2, 9) }
func (a *author) talk() int   { return between(a.dice, 12, 90) }
func (a *author) chat() int   { return between(a.dice, 8, 30) }
func (a *author) breath() int { return between(a.dice, 0, 2) }

// sid draws a SID.
func (a *author) sid(prefix string) string { return newSID(a.dice, prefix) }

// own and customer draw the two usual parties.
func (a *author) own() party      { return own(a.dice, a.world.Numbers) }
func (a *author) customer() party { return customer(a.dice) }

// add appends a leg, with a summary in most cases.
func (a *author) add(l leg) *leg {
	l.sid = a.sid(schema.CallPrefix)
	l.summary = a.dice.IntN(10) < 6
	a.legs = append(a.legs, l)
	return &a.legs[len(a.legs)-1]
}

// record has the customer's own set-up record the parent leg.
func (a *author) record(source string, channels, start int, callback bool) {
	a.recordings = append(a.recordings, recordingScript{
		sid: a.sid(schema.RecordingPrefix), source: source, channels: channels, start: start, callback: callback,
	})
}

// text adds an SMS message.
func (a *author) text() {
	m := messageScript{
		sid: a.sid(schema.MessagePrefix), from: a.own(), to: a.customer(),
		inbound: a.dice.IntN(2) == 0, final: pick(a.dice, "delivered", "delivered", "undelivered"), at: a.talk(),
	}
	if m.inbound {
		m.from, m.to = m.to, m.from
	}
	a.messages = append(a.messages, m)
}
