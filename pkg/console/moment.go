package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// moment is something that happened to a call, in words.
type moment struct {
	At     time.Time
	Icon   string
	Tone   string
	Title  string
	Detail string // what came of it
	By     string // how callstream heard of it
	Late   string // how long after it happened that was; empty: at once
	Seq    uint64 // where it lies in the stream; 0: nowhere
}

// kindDecided is the entry of the event on which it was decided.
const kindDecided = "recording.decided"

// momentsOf tells a call's history, the first first.
func momentsOf(t timelineAnswer) (list []moment) {
	var place uint64
	for _, e := range t.Entries {
		if e.Kind == kindDecided && t.Decision != nil {
			place = e.Sequence // the decision itself says more
			continue
		}
		list = append(list, momentOf(e))
	}
	if d := t.Decision; d != nil {
		m := decided(*d)
		m.Seq = place
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b moment) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Seq, b.Seq)) })
	return list
}

// decided tells of the decision.
func decided(d schema.Decision) moment {
	m := moment{At: d.DecidedAt, Icon: "mic-off", Title: "Decided not to record", Detail: sentence(d.Rule.Explain()) + ".", By: "callstream"}
	switch d.Outcome {
	case schema.Started:
		m.Icon, m.Tone, m.Title = "mic", toneGood, "Decided to record"
	case schema.Starting:
		m.Icon, m.Title = "circle-dot", "Asked Twilio to record"
	case schema.Failed:
		m.Icon, m.Tone, m.Title = "circle-alert", toneBad, "Could not record"
	}
	return m
}

// happenings are the events of the stream as people say them.
var happenings = map[string]struct{ icon, title string }{
	schema.KindCallReceived:         {"phone-incoming", "The call came in, and callstream answered it"},
	schema.KindCallAnswered:         {"phone", "The call was answered"},
	schema.KindCallCompleted:        {"circle-x", "The call ended"},
	schema.KindInsightsSummary:      {"file-text", "Twilio summed the call up"},
	schema.KindRecordingProcessed:   {"radio", "Twilio told of the recording"},
	schema.KindRecordingArchived:    {"archive", "The copy in the archive was proven whole"},
	schema.KindRecordingTranscribed: {"file-text", "The transcript was stored"},
}

// origins are the ways by which news reach callstream.
var origins = map[schema.Origin]string{
	schema.OriginEventStream: "Twilio’s event stream",
	schema.OriginCallback:    "Twilio’s callback",
	schema.OriginReconcile:   "Twilio’s lists",
	schema.OriginPipeline:    "callstream",
}

// momentOf tells of one event.
func momentOf(e schema.TimelineEntry) moment {
	h, known := happenings[e.Kind]
	if !known {
		h.icon, h.title = "info", sentence(strings.ReplaceAll(e.Kind, ".", " "))
	}
	m := moment{
		At: e.OccurredAt, Icon: h.icon, Title: h.title, Detail: outcome(e), Seq: e.Sequence,
		By: cmp.Or(origins[e.Origin], string(e.Origin)),
	}
	if late := e.StoredAt.Sub(e.OccurredAt); late >= 2*time.Second {
		m.Late = spanText(e.OccurredAt, e.StoredAt)
	}
	return m
}

// outcome says what came of an event: the consumer's own words, and what the
// event's name says besides.
func outcome(e schema.TimelineEntry) string {
	said := sentence(e.Detail)
	switch e.Kind {
	case schema.KindInsightsSummary:
		return map[string]string{"partial": "A first version; the final one comes later.", "complete": "The final version."}[e.Detail]
	case schema.KindCallCompleted:
		return fmt.Sprintf("As %s.", strings.ToLower(callStatus(schema.CallStatus(e.Detail)).Text))
	case schema.KindRecordingProcessed:
		if status := e.MsgID[strings.LastIndexByte(e.MsgID, ':')+1:]; status != string(schema.RecordingCompleted) {
			said = strings.TrimSpace("It is " + status + ". " + said)
		}
	}
	if said != "" && !strings.HasSuffix(said, ".") {
		said += "."
	}
	return said
}
