package console

import (
	"net/http"

	"github.com/loquent/callstream/schema"
)

// callPage is what the page of a call shows.
type callPage struct {
	schema.CallRecord
	State      state
	Status     state
	Recordings []recordingCard
	Why        string // the rule that decided, in words
	Moments    []moment
	Parent     string // SID of the call that this one is a part of
	Text       string // what was searched for in the list
	Poll       string // address that brings the page up to date; empty: nothing more will come
}

// recordingCard is one recording with what may be done with it.
type recordingCard struct {
	schema.RecordingRecord
	State state
	OneOf bool // of several
	Lines []line
	Hear  bool   // the visitor may play it
	Again uint64 // where its archiving lies in the stream, for transcribing it again; 0: the visitor may not
	Call  string // SID
	Poll  string // address that brings the transcript; empty: it is there, or never will be
}

// timelineAnswer is the API's answer about a call's history.
type timelineAnswer struct {
	Decision *schema.Decision
	Why      string
	Entries  []schema.TimelineEntry
}

// call shows everything that is known of one call.
func (c *console) call(v *visit) error {
	sid := v.r.PathValue("sid")
	var record schema.CallRecord
	if err := v.get("/api/calls/"+sid, nil, &record); err != nil {
		return missing(err, "There is no call "+sid+" here. It may belong to another organization.")
	}
	var history timelineAnswer
	if err := v.get("/api/calls/"+sid+"/timeline", nil, &history); err != nil {
		return err
	}
	p := callPage{
		CallRecord: record, State: stateOf(record), Status: callStatus(record.Status),
		Why: history.Why, Moments: momentsOf(history), Parent: record.ParentCallSID, Text: v.r.URL.Query().Get("text"),
	}
	playable := false
	for _, r := range record.Recordings {
		card := v.card(r, history)
		card.OneOf = len(record.Recordings) > 1
		card.Lines = linesOf(r.Transcript, p.Text)
		p.Recordings = append(p.Recordings, card)
		playable = playable || card.Hear
	}
	// A page that is listened to is left alone.
	if !playable && (p.State.Tone == toneInfo || !record.Status.Final()) {
		p.Poll = v.r.URL.RequestURI()
	}
	return v.show("call", phone(record.From)+" to "+phone(record.To), p)
}

// missing puts words for people in the place of the API's where it has nothing
// of that name, or the name is none.
func missing(err error, detail string) error {
	if problemOf(err, http.StatusNotFound, http.StatusUnprocessableEntity) != nil {
		return &problem{Status: http.StatusNotFound, Detail: detail}
	}
	return err
}

// card returns what the visitor may see of the recording and do with it.
func (v *visit) card(r schema.RecordingRecord, history timelineAnswer) recordingCard {
	card := recordingCard{RecordingRecord: r, Call: v.r.PathValue("sid")}
	card.State, _ = recordingState(r)
	there := r.Object != nil && !r.Quarantined
	card.Hear = there && v.me.May(mayPlay)
	if there && v.me.May(mayOperate) {
		for _, e := range history.Entries {
			if e.Kind == schema.KindRecordingArchived && e.RecordingSID == r.RecordingSID {
				card.Again = e.Sequence
			}
		}
	}
	if there && r.Transcript == nil {
		card.Poll = v.r.URL.RequestURI()
	}
	return card
}

// transcribeAgain queues the one event of a recording's archiving for the
// transcriber. Nothing else is told of it: the transcript is replaced.
func (c *console) transcribeAgain(v *visit) error {
	sid, recording := v.r.PathValue("sid"), v.r.PathValue("recording")
	var history timelineAnswer
	if err := v.get("/api/calls/"+sid+"/timeline", nil, &history); err != nil {
		return missing(err, "There is no call "+sid+" here.")
	}
	card := v.card(schema.RecordingRecord{RecordingFacts: schema.RecordingFacts{RecordingSID: recording}, Object: &schema.Object{}}, history)
	if card.Again == 0 {
		v.leave(notice{Text: "The stream no longer has the news of this recording, so that it cannot be transcribed again.", Bad: true})
		return v.redirect("/calls/" + sid)
	}
	spec := schema.ReplaySpec{Consumer: "transcriber", RecordingSID: recording, FromSeq: card.Again, ToSeq: card.Again, Force: true}
	switch err := v.send(http.MethodPost, "/api/replays", spec, nil); {
	case refused(err) != nil:
		v.complain(err)
	case err != nil:
		return err
	default:
		v.notice("The recording will be transcribed again. The new transcript replaces this one, usually within a minute.")
	}
	return v.redirect("/calls/" + sid)
}
