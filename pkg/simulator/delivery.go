package simulator

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"
)

// outcome is how a delivery ended.
type outcome string

// The outcomes.
const (
	delivered outcome = "delivered"
	lost      outcome = "lost"    // a callback that Twilio does not repeat
	dropped   outcome = "dropped" // an event that was refused for good, or for too long
)

// delivery is one request of Twilio's: a status callback, or a batch of events.
type delivery struct {
	ids    []string
	due    time.Time
	dice   *rand.Rand
	urgent bool

	url, method string // of a callback
	form        url.Values

	kind   string // of the sinks that a batch goes to
	events []cloudEvent

	lost      bool // it never leaves
	duplicate bool // it leaves twice
	together  bool // both at the same moment
}

// deliveries turns news into requests, with the faults of the way.
func (s *Simulator) deliveries(c *call, all []news) []delivery {
	var callbacks, events []delivery
	for _, n := range all {
		if n.callback != "" {
			callbacks = append(callbacks, s.callbackDelivery(c, n))
		}
		if s.tellsByEvent(n) {
			events = append(events, s.eventDelivery(c, n))
		}
	}
	return append(callbacks, batch(c, events)...)
}

// tellsByEvent is false for what Event Streams does not carry: it mirrors a
// recording's callback only as processed, and no request for TwiML.
func (s *Simulator) tellsByEvent(n news) bool {
	return n.event != "" && !strings.HasSuffix(n.id, "/in-progress")
}

func (s *Simulator) callbackDelivery(c *call, n news) delivery {
	d := delivery{ids: []string{n.id + "/callback"}, url: n.callback, method: orDefault(n.method, "POST"), form: n.params}
	d.disturb(c, n)
	d.lost = happens(d.dice, c.Faults.LostCallbacks)
	return d
}

func (s *Simulator) eventDelivery(c *call, n news) delivery {
	d := delivery{ids: []string{n.id + "/event"}, kind: n.kind}
	d.disturb(c, n)
	if n.spread > 0 {
		d.due = d.due.Add(c.wait(time.Duration(d.dice.Int64N(int64(n.spread)))))
	}
	d.events = []cloudEvent{s.event(n, d.due, d.dice)}
	return d
}

// event builds the CloudEvent of a fact.
func (s *Simulator) event(n news, at time.Time, dice *rand.Rand) cloudEvent {
	id, data := newSID(dice, "EZ"), n.data
	if n.params != nil {
		id = newSID(dice, "VW")
		data = webhookData(n, id, n.params.Get("CallSid"), at)
	}
	return envelope(id, spellType(n.event, dice), n.source, n.schema, at, data, dice.IntN(10) == 0)
}

// spellType writes an event type in one of its families: mostly as it is
// today, now and then in the deprecated one or the short one.
func spellType(eventType string, dice *rand.Rand) string {
	what, ok := strings.CutPrefix(eventType, statusCallbackPrefix)
	draw := dice.IntN(20)
	switch {
	case !ok || draw > 1:
		return eventType
	case draw == 0:
		return deprecatedPrefix + what
	}
	return shortPrefix + strings.TrimPrefix(what, "call.")
}

// disturb sets when a delivery leaves, and whether it leaves twice. The news
// that a call was answered is of use only while the call lasts; it is held up
// briefly, and only now and then for longer than that.
func (d *delivery) disturb(c *call, n news) {
	d.dice, d.due, d.urgent = newDice(c.Seed, d.ids[0]), n.due, n.urgent
	hold := func(most int) {
		d.due = d.due.Add(c.wait(time.Duration(between(d.dice, 1, most)) * time.Second))
	}
	reordered, late, tooLate := happens(d.dice, c.Faults.Reorder), happens(d.dice, c.Faults.Delay), d.dice.IntN(6) == 0
	switch {
	case n.urgent && reordered && tooLate:
		d.due = n.until.Add(c.wait(2 * time.Second))
	case n.urgent && (reordered || late):
		hold(3)
	case reordered:
		hold(15)
	case late:
		hold(40)
	}
	d.duplicate, d.together = happens(d.dice, c.Faults.Duplicates), d.dice.IntN(2) == 0
}

// batch puts some neighbouring events into one request, which then leaves when
// the later one would. Events that must not wait only ever come last.
func batch(c *call, events []delivery) []delivery {
	slices.SortStableFunc(events, func(a, b delivery) int { return a.due.Compare(b.due) })
	var batched []delivery
	for _, d := range events {
		if n := len(batched); n > 0 && batched[n-1].joins(c, d) {
			last := batched[n-1]
			d.ids, d.events = append(last.ids, d.ids...), append(last.events, d.events...)
			batched[n-1] = d
			continue
		}
		batched = append(batched, d)
	}
	return batched
}

// joins reports whether a delivery waits for the next one.
func (d delivery) joins(c *call, next delivery) bool {
	near := next.due.Sub(d.due) <= c.wait(5*time.Second)
	return near && d.kind == next.kind && !d.urgent && len(d.events) < 4 && d.dice.IntN(3) == 0
}
