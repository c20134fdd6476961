package simulator

import (
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// state is what the simulator knows: the fold of its entries.
type state struct {
	clips         library
	world         *world
	calls         []*call
	legs          map[string]legRef
	recordings    map[string]*recording
	settled       map[string]settlement
	outcomes      map[outcome]int // of all settled
	flags         []flagEntry
	sinks         table[*sinkEntry]
	subscriptions table[*subscriptionEntry]
	numbers       table[*numberEntry]
}

// legRef finds a leg.
type legRef struct {
	call *call
	leg  leg
}

// settlement is how a delivery ended.
type settlement struct {
	outcome outcome
	answer  string
	at      time.Time
}

func newState(config Config, clips library) state {
	return state{
		clips:      clips,
		legs:       make(map[string]legRef),
		recordings: make(map[string]*recording),
		settled:    make(map[string]settlement),
		outcomes:   make(map[outcome]int),
		numbers:    numbersOf(config),
	}
}

func (w *world) equal(other world) bool {
	return w.AccountSID == other.AccountSID && w.OrganizationID == other.OrganizationID && slices.Equal(w.Numbers, other.Numbers)
}

// apply folds an entry into the state. An entry about something that does not
// exist is [schema.Corrupt]: only a damaged journal has one.
func (s *state) apply(e entry) error {
	switch {
	case e.World != nil:
		s.world = e.World
	case e.Call != nil:
		return s.place(*e.Call)
	case e.Recording != nil:
		return s.startRecording(*e.Recording)
	case e.Refused != nil:
		return s.refuseStart(*e.Refused)
	case e.Paused != nil:
		return s.update(e.Paused.SID, func(r *recording) { r.paused = e.Paused.Status })
	case e.Fetched != nil:
		return s.update(e.Fetched.SID, func(r *recording) { r.fetched = e.Fetched.At })
	case e.Deleted != nil:
		return s.update(e.Deleted.SID, func(r *recording) { r.deleted = e.Deleted.At })
	case e.Settled != nil:
		s.settle(*e.Settled)
	case e.Done != nil:
		return s.close(e.Done.Index)
	case e.Flag != nil:
		s.flags = append(s.flags, *e.Flag)
	case e.Sink != nil:
		s.sinks.put(e.Sink.SID, e.Sink, e.Sink.Gone)
	case e.Subscription != nil:
		s.subscriptions.put(e.Subscription.SID, e.Subscription, e.Subscription.Gone)
	case e.Number != nil:
		s.numbers.put(e.Number.SID, e.Number, false)
	case e.Voice != nil:
		return s.hear(*e.Voice)
	}
	return nil
}

func (s *state) place(e callEntry) error {
	if s.world == nil {
		return schema.Errorf(schema.Corrupt, "call %d was placed in no account", e.Index)
	}
	c := newCall(e, *s.world, s.clips)
	s.calls = append(s.calls, c)
	s.index(c)
	return nil
}

// index makes a call's legs and recordings findable.
func (s *state) index(c *call) {
	for _, l := range c.legs {
		s.legs[l.sid] = legRef{c, l}
	}
	for _, r := range c.recordings {
		s.recordings[r.sid] = r
	}
}

// hear carries a call on by an answer to what is to be done with it.
func (s *state) hear(e voiceEntry) error {
	ref, ok := s.legs[e.CallSID]
	if !ok || ref.call.voice == nil || ref.call.voice.next == nil {
		return schema.Errorf(schema.Corrupt, "nothing was asked about call %s, and yet there is an answer", e.CallSID)
	}
	ref.call.hear(e, s.clips)
	s.index(ref.call)
	return nil
}

func (s *state) settle(e settledEntry) {
	for _, id := range e.IDs {
		if _, known := s.settled[id]; !known {
			s.outcomes[e.Outcome]++
		}
		s.settled[id] = settlement{e.Outcome, e.Answer, e.At}
	}
}

func (s *state) close(index int) error {
	if index < 0 || index >= len(s.calls) {
		return schema.Errorf(schema.Corrupt, "call %d is done, but was never placed", index)
	}
	s.calls[index].done = true
	return nil
}

func (s *state) startRecording(e recordingEntry) error {
	ref, ok := s.legs[e.CallSID]
	if !ok {
		return schema.Errorf(schema.Corrupt, "recording %s is of call %s, which was never placed", e.SID, e.CallSID)
	}
	r := ref.call.startedRecording(e, s.clips)
	ref.call.recordings = append(ref.call.recordings, r)
	s.recordings[r.sid] = r
	return nil
}

func (s *state) refuseStart(e refusedEntry) error {
	ref, ok := s.legs[e.CallSID]
	if !ok {
		return schema.Errorf(schema.Corrupt, "a start is of call %s, which was never placed", e.CallSID)
	}
	ref.call.refused = append(ref.call.refused, e.At)
	return nil
}

func (s *state) update(sid string, change func(*recording)) error {
	r, ok := s.recordings[sid]
	if !ok {
		return schema.Errorf(schema.Corrupt, "recording %s was never started", sid)
	}
	change(r)
	return nil
}

// flagAround reports whether the flag had a value at some moment within grace
// of t.
func (s *state) flagAround(on bool, t time.Time, grace time.Duration) bool {
	return s.flagWithin(on, t.Add(-grace), t.Add(grace))
}

// flagWithin reports whether the flag had a value at some moment between two.
func (s *state) flagWithin(on bool, from, to time.Time) bool {
	value := false
	for _, change := range s.flags {
		if change.At.After(to) {
			break
		}
		if change.At.After(from) && value == on {
			return true
		}
		value = change.On
	}
	return value == on
}

// table keeps things by SID in the order in which they came.
type table[T any] struct {
	order []string
	items map[string]T
}

// put adds or replaces an item, or removes it when it is gone.
func (t *table[T]) put(sid string, item T, gone bool) {
	if t.items == nil {
		t.items = make(map[string]T)
	}
	_, known := t.items[sid]
	switch {
	case gone:
		delete(t.items, sid)
		t.order = slices.DeleteFunc(t.order, func(s string) bool { return s == sid })
	case known:
		t.items[sid] = item
	default:
		t.items[sid] = item
		t.order = append(t.order, sid)
	}
}

// all returns the items, oldest first.
func (t *table[T]) all() []T {
	items := make([]T, 0, len(t.order))
	for _, sid := range t.order {
		items = append(items, t.items[sid])
	}
	return items
}
