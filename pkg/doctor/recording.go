package doctor

import (
	"slices"

	"github.com/loquent/callstream/schema"
)

const recordingSwitch topic = "recording.switch"

// checkSwitch tells where the recording switch is, and whether anything would
// come of it: callstream starts a recording when an event announces a call, or
// when it answers the call itself.
func checkSwitch(o tenant) schema.Finding {
	s := o.settings
	since := ""
	if !s.RecordingSince.IsZero() {
		since = " since " + moment(s.RecordingSince)
	}
	if !s.RecordingEnabled {
		return recordingSwitch.ok("Recording is off%s: callstream records no call.", since)
	}
	planned := slices.ContainsFunc(o.numbers, func(n schema.PhoneNumber) bool { return n.Voice != nil })
	if !s.CallEvents.Active && !planned {
		return recordingSwitch.warning(
			"Let Twilio announce calls: `callstream sinks setup call`, or POST /api/twilio/setup-event-sink; or let callstream answer them: `callstream numbers voice NUMBER`, or PUT /api/numbers/NUMBER/voice.",
			"Recording is on%s, but call events are not set up and no number has a voice plan: callstream hears of no call in time to record it.", since)
	}
	return recordingSwitch.ok("Recording is on%s.", since)
}
