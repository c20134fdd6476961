package schema

import (
	"cmp"
	"time"
)

// CallFacts is what one event, or a whole set of events, says of a call. A
// zero field is unknown, never "empty": merging keeps whatever any event knew.
type CallFacts struct {
	CallSID       string     `json:"call_sid"`
	ParentCallSID string     `json:"parent_call_sid,omitempty"`
	From          string     `json:"from,omitempty"` // normalized; empty when withheld
	To            string     `json:"to,omitempty"`
	Leg           Leg        `json:"leg,omitempty"`
	Status        CallStatus `json:"status,omitempty"`
	StartedAt     *time.Time `json:"started_at,omitempty"`
	AnsweredAt    *time.Time `json:"answered_at,omitempty"`
	EndedAt       *time.Time `json:"ended_at,omitempty"`
	Duration      *int       `json:"duration,omitempty"` // seconds, from answer to end
	TrunkSID      string     `json:"trunk_sid,omitempty"`
	Caller        string     `json:"caller_name,omitempty"` // CNAM, where Twilio looked it up
}

// Merge returns what both know together. It is commutative, associative and
// idempotent, so that a call is the same whatever the order, number and
// grouping of its events: the latest status in the statuses' order, the
// earliest start and answer, the latest end, the longest duration, the most
// specific leg. Where two sources spell a text differently the greater one
// holds, for want of a better rule that is independent of order.
//
// The database merges by the same rules in SQL; a property test holds the two
// together.
func (c CallFacts) Merge(other CallFacts) CallFacts {
	return CallFacts{
		CallSID:       max(c.CallSID, other.CallSID),
		ParentCallSID: max(c.ParentCallSID, other.ParentCallSID),
		From:          max(c.From, other.From),
		To:            max(c.To, other.To),
		Leg:           greatest(c.Leg, other.Leg, Leg.rank),
		Status:        greatest(c.Status, other.Status, CallStatus.Rank),
		StartedAt:     earliest(c.StartedAt, other.StartedAt),
		AnsweredAt:    earliest(c.AnsweredAt, other.AnsweredAt),
		EndedAt:       latest(c.EndedAt, other.EndedAt),
		Duration:      longest(c.Duration, other.Duration),
		TrunkSID:      max(c.TrunkSID, other.TrunkSID),
		Caller:        max(c.Caller, other.Caller),
	}
}

// greatest is the one of higher rank; of two that rank equal, which only
// unknown ones do, the greater text.
func greatest[T ~string](a, b T, rank func(T) int) T {
	switch order := cmp.Compare(rank(a), rank(b)); {
	case order < 0, order == 0 && a < b:
		return b
	}
	return a
}

func earliest(a, b *time.Time) *time.Time {
	if a == nil || (b != nil && b.Before(*a)) {
		return b
	}
	return a
}

func latest(a, b *time.Time) *time.Time {
	if a == nil || (b != nil && b.After(*a)) {
		return b
	}
	return a
}

func longest(a, b *int) *int {
	if a == nil || (b != nil && *b > *a) {
		return b
	}
	return a
}
