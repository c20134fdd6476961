package simulator

import (
	"strconv"
	"time"

	"github.com/loquent/callstream/schema"
)

// call is a call that was placed: a script with the moment at which it began.
//
// Two clocks run for it. Facts, the times that Twilio states, are the call's
// start in whole seconds plus the script's offsets. Moments, when things are
// done and sent, are the same divided by the simulator's speed, so that a call
// of a minute need not last one.
type call struct {
	callEntry
	*script

	voice      *conversation // nil: the script says all
	recordings []*recording
	refused    []time.Time   // starts answered with 21220
	over       bool          // its end was played: nothing can be added
	done       bool          // all that Twilio tells of it is settled
	news       chan struct{} // signals a recording that a request started
}

// newCall takes a placed call up.
func newCall(entry callEntry, w world, clips library) *call {
	c := &call{callEntry: entry, script: newScript(entry.Seed, entry.Index, w), news: make(chan struct{}, 1)}
	if entry.Called != nil {
		c.converse(w)
	}
	for _, s := range c.script.recordings {
		c.recordings = append(c.recordings, c.ownRecording(s, clips))
	}
	return c
}

// fact is the time that Twilio states for an offset in seconds.
func (c *call) fact(offset int) time.Time {
	return c.At.UTC().Truncate(time.Second).Add(time.Duration(offset) * time.Second)
}

// moment is when the offset really comes.
func (c *call) moment(offset int) time.Time {
	return c.At.Add(c.scale(time.Duration(offset) * time.Second))
}

// scale brings a wait within the call to its speed.
func (c *call) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / (c.Speed * c.pace))
}

// wait brings a wait outside of the call, as for processing or delivery, to
// the simulator's speed.
func (c *call) wait(d time.Duration) time.Duration { return time.Duration(float64(d) / c.Speed) }

// factAt is the time that Twilio would state for a moment.
func (c *call) factAt(moment time.Time) time.Time {
	passed := time.Duration(float64(moment.Sub(c.At)) * c.Speed * c.pace)
	return c.fact(int(passed / time.Second))
}

// abruptly is how long the shortest calls really last once they are answered.
const abruptly = 20 * time.Millisecond

// ends is the moment at which a leg is over.
func (c *call) ends(l leg) time.Time {
	if c.abrupt {
		return c.moment(l.answer).Add(abruptly)
	}
	return c.moment(l.end)
}

// begins is the moment at which a leg appears.
func (c *call) begins(l leg) time.Time { return c.moment(l.start) }

// statusAt is a leg's status at a moment.
func (c *call) statusAt(l leg, now time.Time) schema.CallStatus {
	switch {
	case !now.Before(c.ends(l)):
		return l.status
	case l.answer >= 0 && !now.Before(c.moment(l.answer)):
		return schema.StatusInProgress
	case now.Before(c.moment(l.start + 1)):
		return schema.StatusQueued
	}
	return schema.StatusRinging
}

// finished is the moment at which the whole call is over.
func (c *call) finished() time.Time {
	end := c.ends(c.legs[0])
	for _, l := range c.legs[1:] {
		if e := c.ends(l); e.After(end) {
			end = e
		}
	}
	return end
}

// ownRecording is a recording of the customer's own set-up.
func (c *call) ownRecording(s recordingScript, clips library) *recording {
	r := &recording{
		sid: s.sid, call: c, callSID: c.legs[0].sid, leg: c.legs[0].sid,
		source: s.source, channels: s.channels, track: "both",
		started: c.fact(s.start), begins: c.moment(s.start),
	}
	if s.callback {
		r.events = []string{"completed", "absent"}
	}
	r.settle(clips)
	return r
}

// startedRecording is a recording that a request started.
func (c *call) startedRecording(e recordingEntry, clips library) *recording {
	r := &recording{
		sid: e.SID, call: c, callSID: c.legs[0].sid, leg: e.CallSID,
		source: schema.SourceStartCallRecordingAPI, channels: e.Channels, track: e.Track,
		started: c.factAt(e.At), begins: e.At, own: true,
		callback: e.Callback, method: e.Method, events: e.Events,
	}
	r.settle(clips)
	return r
}

// nextRecordingSID names the recording that a start makes on a leg.
func (c *call) nextRecordingSID(leg string) string {
	return newSID(newDice(c.Seed, leg, "recording", strconv.Itoa(len(c.recordings))), schema.RecordingPrefix)
}
