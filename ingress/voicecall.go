package ingress

import (
	"github.com/loquent/callstream/schema"
)

// incoming is a call that asks what is to be done with it.
type incoming struct {
	event   schema.CallReceived // of a call that can be decided on
	verdict verdict             // what becomes of the request's news
	numbers []string            // whose plan answers it, the first one that has one
}

// readIncoming reads a request for TwiML. Whatever is wrong with it, the numbers
// in it still say whose plan answers.
func readIncoming(d *delivery) incoming {
	body := string(d.body)
	p, source, err := readForm(body)
	if err != nil {
		return incoming{verdict: d.undecodable(schema.KindCallReceived, body, err)}
	}
	meta, facts, err := callFacts(d.meta(schema.OriginCallback, source), p)
	facts.Status, _ = schema.ParseCallStatus(p.get("CallStatus"))
	if err == nil {
		err = checkSize(body)
	}
	in := incoming{event: schema.CallReceived{Header: meta, Call: facts}, numbers: numbersOf(p)}
	in.verdict = d.judge(schema.KindCallReceived, body, in.event, err)
	if in.verdict.outcome == stored && facts.Leg.Direction() == schema.Outbound {
		// Answered by the called party: what the recorder decides when it hears
		// of that.
		in.verdict = verdict{kind: schema.KindCallReceived, outcome: ignored}
	}
	return in
}

// decidable reports whether callstream decides on the call as it answers it.
func (in incoming) decidable() bool { return in.verdict.outcome == stored }

// numbersOf returns whose plan answers a call: the called number's or, for a
// call that Twilio was asked to make, the calling one's.
func numbersOf(p params) (numbers []string) {
	parties := []string{p.first("To", "Called")}
	if leg, _ := schema.ParseLeg(p.get("Direction")); leg.Direction() == schema.Outbound {
		parties = append(parties, p.first("From", "Caller"))
	}
	for _, name := range parties {
		if number, err := party("number", name); err == nil && number != "" {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
