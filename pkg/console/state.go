package console

import (
	"fmt"
	"strings"

	"github.com/loquent/callstream/schema"
)

// The tones of states, beside none.
const (
	toneGood = "good"
	toneWarn = "warn"
	toneBad  = "bad"
	toneInfo = "info" // it will change by itself
)

// state says in words how it stands with something.
type state struct {
	Tone string // empty: plain
	Icon string
	Text string // a word or two
	Why  string // half a sentence; empty: it needs none
}

// stateOf says whether a call is recorded, or why it is not.
func stateOf(c schema.CallRecord) state {
	switch {
	case len(c.Recordings) > 0:
		return bestOf(c.Recordings)
	case c.Decision == nil && c.ParentCallSID != "":
		return state{"", "phone", "Part of another call", "recordings are with the main call"}
	case c.Decision != nil:
		return decisionState(*c.Decision, c.Status.Final())
	}
	switch c.Status {
	case schema.StatusQueued, schema.StatusInitiated, schema.StatusRinging, "":
		return state{"", "clock", "Not answered yet", ""}
	case schema.StatusInProgress:
		return state{toneInfo, "clock", "Being decided", ""}
	case schema.StatusCompleted:
		return state{"", "mic-off", "Not recorded", "nothing told that the call was answered"}
	}
	return state{"", "mic-off", "Not recorded", "nobody answered"}
}

// decisionState is the state of a call without recordings.
func decisionState(d schema.Decision, over bool) state {
	switch {
	case d.Outcome == schema.NotStarted:
		return state{"", "mic-off", "Not recorded", d.Rule.Explain()}
	case d.Outcome == schema.Failed:
		return state{toneBad, "circle-alert", "Not recorded", d.Rule.Explain()}
	case over && d.Rule == schema.RuleTwiML:
		return state{"", "mic-off", "Nothing to record", "nobody picked up, or nobody spoke"}
	case over:
		return state{toneInfo, "clock", "Waiting for Twilio", "the recording was started and has not been announced yet"}
	}
	return state{toneInfo, "circle-dot", "Recording starts", ""}
}

// bestOf is the state of the recording that came furthest.
func bestOf(list []schema.RecordingRecord) (best state) {
	rank := -1
	for _, r := range list {
		if s, n := recordingState(r); n > rank {
			best, rank = s, n
		}
	}
	return best
}

// recordingState says how far a recording is, and as a number, for comparison.
func recordingState(r schema.RecordingRecord) (s state, rank int) {
	switch {
	case r.Quarantined:
		return state{toneWarn, "lock", "Quarantined", "it was recorded while recording was switched off, and is kept from everybody"}, 2
	case r.Object != nil && r.Transcript != nil:
		return state{toneGood, "mic", "Recorded", ""}, 6
	case r.Object != nil:
		return state{toneGood, "mic", "Recorded", "without a transcript so far"}, 5
	}
	switch r.Status {
	case schema.RecordingCompleted:
		return state{toneInfo, "archive", "Being archived", ""}, 4
	case schema.RecordingAbsent, schema.RecordingFailed:
		return state{toneWarn, "mic-off", "No audio", absence(r)}, 1
	case schema.RecordingDeleted:
		return state{toneWarn, "trash-2", "Deleted", "it was deleted at Twilio before it could be archived"}, 0
	}
	return state{toneInfo, "circle-dot", "Recording", ""}, 3
}

// absence says why Twilio has no audio.
func absence(r schema.RecordingRecord) string {
	text := "Twilio says that there is none"
	if r.Status == schema.RecordingFailed {
		text = "Twilio could not make it"
	}
	if r.ErrorCode != 0 {
		text += fmt.Sprintf(" (error %d)", r.ErrorCode)
	}
	return text
}

// callStatus is a call's status as people say it.
func callStatus(s schema.CallStatus) state {
	switch s {
	case schema.StatusCompleted:
		return state{Text: "Completed"}
	case schema.StatusInProgress:
		return state{Tone: toneInfo, Text: "In progress"}
	case schema.StatusRinging:
		return state{Tone: toneInfo, Text: "Ringing"}
	case schema.StatusNoAnswer:
		return state{Text: "No answer"}
	case schema.StatusFailed:
		return state{Tone: toneBad, Text: "Failed"}
	case "":
		return state{Text: "Unknown"}
	}
	return state{Text: strings.ToUpper(string(s[:1])) + string(s[1:])}
}

// sentence begins half a sentence with a capital.
func sentence(half string) string {
	if half == "" {
		return ""
	}
	return strings.ToUpper(half[:1]) + half[1:]
}
