package simulator

import "github.com/loquent/callstream/schema"

// scenario is a kind of call, with how often it occurs.
type scenario struct {
	name   string
	weight int
	write  func(*author)
}

// scenarios lists the kinds of calls. Which news of a leg Twilio sends follows
// its rules: the answer is announced for calls made over REST and for dialled
// children, never for an inbound parent; a trunk call announces nothing.
var scenarios = []scenario{
	{"first", 0, (*author).first},
	{"inbound", 22, (*author).inbound},
	{"withheld", 5, (*author).withheld},
	{"voicemail", 10, (*author).voicemail},
	{"outbound", 20, (*author).outbound},
	{"trunk", 10, (*author).trunk},
	{"short", 4, (*author).short},
	{"busy", 4, (*author).busy},
	{"no-answer", 4, (*author).noAnswer},
	{"unanswered-inbound", 3, (*author).unansweredInbound},
	{"canceled", 2, (*author).canceled},
	{"failed", 2, (*author).failed},
	{"client", 3, (*author).client},
	{"sip", 4, (*author).sip},
	{"unknown-silent", 2, (*author).unknownSilent},
	{"unknown-answered", 2, (*author).unknownAnswered},
	{"recorded-twice", 6, (*author).recordedTwice},
	{"long", 2, (*author).long},
}

func totalWeight() int {
	total := 0
	for _, s := range scenarios {
		total += s.weight
	}
	return total
}

// scenarioAt returns the scenario that a draw below totalWeight falls on.
func scenarioAt(draw int) scenario {
	for _, s := range scenarios {
		if draw < s.weight {
			return s
		}
		draw -= s.weight
	}
	return scenarios[0]
}

// first is an answered call over REST, short and with everything announced.
func (a *author) first() {
	a.dialOut(a.own(), a.customer(), 1, 6)
	a.legs[0].summary = true
}

// inbound is a customer's call, which the organization's TwiML dials on. Like the
// three other kinds of calls that TwiML answers it goes by what the number's
// voice URL says, where it has one, and by what is written here where not.
func (a *author) inbound() {
	a.asks = true
	from := a.customer()
	a.dialOn(from, a.talk())
	if a.dice.IntN(3) == 0 {
		a.legs[0].callerName = pick(a.dice, "JENSEN MARIA", " José & Söhne ", "WIRELESS CALLER")
	}
}

// withheld is an inbound call whose caller hides its number.
func (a *author) withheld() {
	a.asks = true
	a.dialOn(withheldCaller(a.dice), a.talk())
}

// dialOn writes an inbound parent and the child that <Dial> makes of it, which
// shows either the organization's number or, by default, the caller's own.
func (a *author) dialOn(from party, talk int) {
	number := a.own()
	shown := from
	if a.dice.IntN(10) < 6 || from.want == "" {
		shown = number
	}
	answer := 2 + a.ring()
	parent := a.add(leg{
		from: from, to: number, direction: schema.LegInbound, status: schema.StatusCompleted,
		answer: 1, end: answer + talk, completed: true,
	})
	a.add(leg{
		parent: parent.sid, from: shown, to: agent(a.dice), direction: schema.LegOutboundDial, status: schema.StatusCompleted,
		start: 2, answer: answer, end: answer + talk,
		progress: a.dice.IntN(2) == 0, answered: true, completed: true,
	})
}

// voicemail is an inbound call that talks to the organization's own <Record>.
func (a *author) voicemail() {
	a.asks = true
	from := a.customer()
	if a.dice.IntN(5) == 0 {
		from = withheldCaller(a.dice)
	}
	end := 1 + a.chat()
	a.add(leg{
		from: from, to: a.own(), direction: schema.LegInbound, status: schema.StatusCompleted,
		answer: 1, end: end, completed: true,
	})
	a.record("RecordVerb", 1, 3, true)
}

// outbound is a call that the organization makes over REST.
func (a *author) outbound() { a.dialOut(a.own(), a.customer(), a.ring(), a.talk()) }

// dialOut writes an answered call over REST.
func (a *author) dialOut(from, to party, ring, talk int) {
	a.add(leg{
		from: from, to: to, direction: schema.LegOutboundAPI, status: schema.StatusCompleted,
		answer: ring, end: ring + talk,
		progress: a.dice.IntN(2) == 0, answered: true, completed: true,
	})
}

// trunk is a call over an Elastic SIP trunk: no callbacks, so that only its
// summary or its recording tells of it.
func (a *author) trunk() {
	answer := a.ring()
	l := a.add(leg{
		from: a.customer(), to: a.own(), direction: schema.LegTrunkingOriginating, status: schema.StatusCompleted,
		answer: answer, end: answer + a.talk(), trunkSID: a.sid(schema.TrunkPrefix),
	})
	if a.dice.IntN(2) == 0 {
		l.from, l.to, l.direction = l.to, l.from, schema.LegTrunkingTerminating
	}
	recorded := a.dice.IntN(10) < 7
	if recorded {
		a.record("Trunking", 2, answer, false)
	}
	l.summary = !recorded || a.dice.IntN(10) < 7
}

// short is answered and over at once, before a recording can start.
func (a *author) short() {
	a.dialOut(a.own(), a.customer(), a.ring(), 1)
	a.abrupt = true
}

// busy, noAnswer, canceled and failed are calls over REST that nobody answers.
func (a *author) busy()     { a.unanswered(schema.StatusBusy) }
func (a *author) noAnswer() { a.unanswered(schema.StatusNoAnswer) }
func (a *author) canceled() { a.unanswered(schema.StatusCanceled) }
func (a *author) failed()   { a.unanswered(schema.StatusFailed) }

func (a *author) unanswered(status schema.CallStatus) {
	a.add(leg{
		from: a.own(), to: a.customer(), direction: schema.LegOutboundAPI, status: status,
		answer: -1, end: a.ring() + a.breath(), progress: a.dice.IntN(2) == 0, completed: true,
	})
}

// unansweredInbound is a customer's call whose dialled party does not answer.
func (a *author) unansweredInbound() {
	a.asks = true
	number, end := a.own(), 3+a.ring()
	parent := a.add(leg{
		from: a.customer(), to: number, direction: schema.LegInbound, status: schema.StatusCompleted,
		answer: 1, end: end + 1, completed: true,
	})
	a.add(leg{
		parent: parent.sid, from: number, to: agent(a.dice), direction: schema.LegOutboundDial,
		status: pick(a.dice, schema.StatusNoAnswer, schema.StatusBusy),
		start:  2, answer: -1, end: end, progress: true, completed: true,
	})
}

// client is a call to, or from, a browser.
func (a *author) client() {
	if a.dice.IntN(2) == 0 {
		a.dialOut(a.own(), browser(a.dice), a.ring(), a.talk())
		return
	}
	a.dialOn(browser(a.dice), a.talk())
}

// sip is a call to, or from, a SIP address.
func (a *author) sip() {
	if a.dice.IntN(2) == 0 {
		a.dialOut(a.own(), sipPhone(a.dice), a.ring(), a.talk())
		return
	}
	a.dialOn(sipPhone(a.dice), a.talk())
}

// unknownSilent is a call to a number that callstream was never told about,
// of which only the end is announced: it is nobody's, and leaves no row.
func (a *author) unknownSilent() {
	l := a.add(leg{
		from: a.customer(), to: stranger(a.dice), direction: schema.LegInbound, status: schema.StatusCompleted,
		answer: 1, end: 1 + a.chat(), completed: true,
	})
	l.summary = false
}

// unknownAnswered is a call from such a number whose answer is announced: it
// is the account's, but must not be recorded.
func (a *author) unknownAnswered() { a.dialOut(stranger(a.dice), a.customer(), a.ring(), a.talk()) }

// recordedTwice is a call that the customer's own set-up records too, from the
// answer on or from some seconds later: whoever starts a recording over REST
// without looking makes a second one, and who looks in time may make none.
func (a *author) recordedTwice() {
	switch a.dice.IntN(4) {
	case 0:
		a.dialOn(a.customer(), a.talk())
		a.record("DialVerb", 2, a.legs[1].answer, true)
	case 1:
		a.dialOut(a.own(), a.customer(), a.ring(), a.talk())
		a.record("OutboundAPI", pick(a.dice, 1, 2), a.legs[0].answer, true)
	default:
		a.dialOut(a.own(), a.customer(), a.ring(), a.talk())
		a.record("StartCallRecordingTwiML", 2, a.legs[0].answer+8, true)
	}
}

// long is a call of hours, of two-digit hours now and then.
func (a *author) long() {
	talk := pick(a.dice, between(a.dice, 3600, 14000), 37250)
	if a.dice.IntN(2) == 0 {
		a.dialOn(a.customer(), talk)
	} else {
		a.dialOut(a.own(), a.customer(), a.ring(), talk)
	}
	a.pace = float64(talk) / 40
}
