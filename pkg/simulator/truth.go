package simulator

import (
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// grace is how far the moment at which the pipeline looked something up may
// lie from the moment at which it acted on it, as the simulator's clock sees
// both.
const grace = 2 * time.Second

// staleAfter is the age from which the news of an answer is too old to start a
// recording on.
const staleAfter = 2 * time.Minute

// presence says whether a leg must have a row.
type presence int

const (
	mayExist presence = iota
	mustExist
	mustNotExist
)

// truth is what the simulator knows to be true of one leg, and how much of it
// the pipeline was told.
type truth struct {
	leg      leg
	call     *call
	row      presence
	started  bool // it was told when the call started
	answered bool // when it was answered
	ended    bool // that, how and when it ended
	family   *family
}

// family is what is true of a call as a whole, its dialled children included.
// It is held against the parent's row.
type family struct {
	done       bool // all that Twilio tells of the call was told
	answered   bool // the pipeline was told of an answer
	owned      bool // a number of the parent is the organization's
	known      time.Time
	ends       time.Time // the moment from which no recording could start
	refused    bool      // a start was answered with 21220
	voice      *conversation
	foreign    []time.Time
	recordings []recordingTruth
}

// recordingTruth is a recording as it is at Twilio.
type recordingTruth struct {
	recording
	told bool // the pipeline was told how it ended
}

// snapshot copies the truth about every leg.
func (s *Simulator) snapshot() map[string]truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]truth, len(s.legs))
	for _, c := range s.calls {
		f := s.familyOf(c)
		for i, l := range c.legs {
			t := s.truthOf(c, l, f)
			if i == 0 && slices.ContainsFunc(f.recordings, func(r recordingTruth) bool { return r.told }) {
				t.seenByRecording()
			}
			all[l.sid] = t
		}
	}
	return all
}

// truthOf gathers what the pipeline was told of a leg.
func (s *state) truthOf(c *call, l leg, f *family) truth {
	summary := s.told(l.sid + "/insights-complete")
	t := truth{
		leg: l, call: c, family: f,
		started:  summary || s.told(l.sid+"/insights-partial"),
		answered: s.told(l.sid + "/answered"),
		ended:    summary || s.told(l.sid+"/completed"),
	}
	_, owned := l.number()
	switch {
	case t.started, t.answered, owned && t.ended:
		t.row = mustExist
	case !l.answered && !l.summary && (!owned || !l.completed):
		t.row = mustNotExist // Its end alone is told, and it is nobody's.
	}
	return t
}

// seenByRecording accounts for a recording that was told: where nothing else told
// of its call, the pipeline asks Twilio for it and learns all.
func (t *truth) seenByRecording() {
	if t.row != mustExist {
		t.row, t.started, t.ended = mustExist, true, true
	}
}

// told reports whether a fact reached the pipeline, by either way.
func (s *state) told(id string) bool {
	return s.settled[id+"/event"].outcome == delivered || s.settled[id+"/callback"].outcome == delivered
}

func (s *state) familyOf(c *call) *family {
	_, owned := c.legs[0].number()
	f := &family{
		done: c.done, owned: owned, refused: len(c.refused) > 0, ends: c.finished(),
	}
	for _, l := range c.legs {
		if end := c.ends(l); end.Before(f.ends) {
			f.ends = end
		}
		if l.answered {
			f.answered = s.told(l.sid + "/answered")
			f.known = c.moment(l.answer)
			if stated := c.fact(l.answer); stated.Before(f.known) {
				f.known = stated
			}
		}
	}
	f.hear(c.voice)
	for _, r := range c.recordings {
		if !r.own {
			f.foreign = append(f.foreign, r.begins)
		}
		f.recordings = append(f.recordings, recordingTruth{*r, s.told(r.sid + "/" + string(r.outcome))})
	}
	return f
}

// hear adds what is true of a call that asked a voice URL. callstream's answer
// is a decision, whether or not anybody picks up the telephone.
func (f *family) hear(v *conversation) {
	if v == nil {
		return
	}
	copied := *v
	f.voice = &copied
	if f.byTwiML() && !f.answered {
		f.answered, f.known = true, v.spoke.At
	}
}

// own are the recordings that requests started.
func (f *family) own() []recordingTruth {
	var own []recordingTruth
	for _, r := range f.recordings {
		if r.own && !r.twiml {
			own = append(own, r)
		}
	}
	return own
}

// excuses reports whether a rule is a true reason for having started no
// recording, given when the decision fell.
func (s *Simulator) excuses(f *family, d schema.Decision) bool {
	switch d.Rule {
	case schema.RuleNumberUnknown:
		return !f.owned
	case schema.RuleDisabled:
		return f.owned && s.flag(false, d.DecidedAt)
	case schema.RuleCallEnded:
		return f.refused || !d.DecidedAt.Before(f.ends.Add(-grace))
	case schema.RuleStale, schema.RuleTwilioAway:
		return d.DecidedAt.Sub(f.known) >= staleAfter-grace
	case schema.RuleAlreadyRunning:
		return slices.ContainsFunc(f.foreign, func(begins time.Time) bool { return !begins.After(d.DecidedAt) })
	}
	return false
}

// byTwiML reports whether callstream's TwiML answered the call.
func (f *family) byTwiML() bool { return f.voice != nil && f.voice.ours && f.voice.spoke != nil }

// recordedByTwiML reports whether callstream's TwiML asked for a recording,
// which need not have come about.
func (f *family) recordedByTwiML() bool { return f.byTwiML() && len(f.voice.recorded) > 0 }

// flag reports whether call_recording_enabled had a value around a moment.
func (s *Simulator) flag(on bool, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flagAround(on, at, grace)
}

// flagDuring reports whether it had a value at some time from one moment to
// another, or around them.
func (s *Simulator) flagDuring(on bool, from, to time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flagWithin(on, from.Add(-grace), to.Add(grace))
}

// undelivered lists the events that the pipeline refused for good, or for too
// long.
func (s *Simulator) undelivered() []Difference {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Difference
	for id, settled := range s.settled {
		if settled.outcome == dropped {
			all = append(all, Difference{CallSID: sidOf(id), What: "event " + id, Want: "accepted", Got: settled.answer})
		}
	}
	return all
}
