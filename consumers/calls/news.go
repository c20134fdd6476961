package calls

import (
	"cmp"
	"strconv"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// news is what one delivery says of a call.
type news struct {
	index     int // of its delivery
	header    schema.Header
	facts     schema.CallFacts
	decision  *schema.Decision
	replayed  bool
	announces bool // tells of a call that is the organization's, whatever its numbers
	entry     schema.TimelineEntry
}

// read takes the news from a delivery. An event of another kind is a terminal
// error: the durable's filters let none pass.
func read(d stream.Delivery) (news, error) {
	n := news{announces: true}
	detail := ""
	switch e := d.Event.(type) {
	case schema.CallAnswered:
		n.facts = e.Call
	case schema.CallReceived:
		n.facts, n.decision = e.Call, decisionOf(e)
	case schema.CallCompleted:
		n.facts, n.announces = e.Call, false
		detail = ending(e.Call)
	case schema.InsightsSummary:
		n.facts, detail = e.Call, e.ProcessingState
	default:
		return news{}, stream.Terminal(schema.Errorf(schema.Invalid, "%T is no news of a call", d.Event))
	}
	if err := schema.CheckSID("call", n.facts.CallSID, schema.CallPrefix); err != nil {
		return news{}, stream.Terminal(err)
	}
	n.header, n.replayed = d.Event.Meta(), d.Replay.Active
	n.entry = schema.Entry(d.Event, d.Sequence, d.StoredAt, detail)
	return n, nil
}

// decisionOf returns the decision that the event carries, for its call.
func decisionOf(e schema.CallReceived) *schema.Decision {
	if e.Decision == nil {
		return nil
	}
	decision := *e.Decision
	decision.CallSID = e.Call.CallSID
	return &decision
}

// ending describes a completed call, as "completed, 57 s".
func ending(f schema.CallFacts) string {
	if f.Duration == nil {
		return string(f.Status)
	}
	return string(f.Status) + ", " + strconv.Itoa(*f.Duration) + " s"
}

func (n news) query() schema.PhoneQuery {
	return schema.PhoneQuery{AccountSID: n.header.AccountSID, From: n.facts.From, To: n.facts.To, Leg: n.facts.Leg}
}

// update is what the news adds to the call's row, given whose numbers it has.
func (n news) update(r schema.Resolution) schema.CallUpdate {
	return schema.CallUpdate{
		AccountSID:     n.header.AccountSID,
		OrganizationID: cmp.Or(r.OrganizationID, r.AccountOrg),
		Direction:      r.Direction,
		PhoneNumber:    r.PhoneNumber,
		Creates:        n.announces || r.OrganizationID != "",
		Facts:          n.facts,
		Decision:       n.decision,
		Entry:          n.entry,
	}
}
