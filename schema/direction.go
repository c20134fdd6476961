package schema

// Leg is a call's direction as Twilio names it in its REST API: how the leg
// came to be, seen from Twilio.
type Leg string

// The legs, in the order that decides when sources disagree: the more specific
// the later.
const (
	LegInbound             Leg = "inbound"
	LegOutboundAPI         Leg = "outbound-api"
	LegOutboundDial        Leg = "outbound-dial"
	LegTrunkingTerminating Leg = "trunking-terminating"
	LegTrunkingOriginating Leg = "trunking-originating"
)

// Legs lists the legs in their order.
var Legs = []Leg{LegInbound, LegOutboundAPI, LegOutboundDial, LegTrunkingTerminating, LegTrunkingOriginating}

// ParseLeg normalizes a Twilio direction. Voice Insights writes underscores
// where webhooks write hyphens. ok is false for one that is not known, or
// empty.
func ParseLeg(s string) (leg Leg, ok bool) {
	leg = Leg(spelling(s))
	if leg.rank() == 0 {
		return "", false
	}
	return leg, true
}

// Trunk reports whether the leg runs over an Elastic SIP trunk, which raises
// no status callbacks.
func (l Leg) Trunk() bool { return l == LegTrunkingOriginating || l == LegTrunkingTerminating }

func (l Leg) rank() int {
	for i, known := range Legs {
		if l == known {
			return i + 1
		}
	}
	return 0
}

// Direction is a call's direction seen from the organization: inbound when
// somebody called one of its numbers, outbound when it called somebody.
type Direction string

// The directions. A call is unresolved until one of its numbers is found to
// belong to an organization.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Direction is the organization's view of the leg, for a call of which both
// numbers, or neither, are known: a trunk that originates from Twilio's
// network delivers a call in, one that terminates there carries it out.
func (l Leg) Direction() Direction {
	switch l {
	case LegInbound, LegTrunkingOriginating:
		return Inbound
	case LegOutboundAPI, LegOutboundDial, LegTrunkingTerminating:
		return Outbound
	}
	return ""
}
