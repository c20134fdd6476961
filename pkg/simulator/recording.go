package simulator

import (
	"math"
	"slices"
	"time"

	"github.com/loquent/callstream/schema"
)

// recording is a recording at Twilio. It runs until its call is over, is
// processed for a few seconds and is then completed, absent or failed.
type recording struct {
	sid      string
	call     *call
	callSID  string // the parent leg's, whichever leg was recorded
	leg      string // the leg that was recorded
	source   string
	channels int
	track    string
	started  time.Time // the fact
	begins   time.Time // the moment
	own      bool      // callstream's: started by a request, or by its TwiML
	twiml    bool      // started by TwiML that answered the call

	callback string   // the URL given at the start
	method   string   // with which it is called
	events   []string // the statuses that the callback was asked for

	outcome   schema.RecordingStatus // completed, absent or failed
	errorCode int
	clips     []int
	seconds   float64
	takes     time.Duration // to process, once the call is over

	paused  schema.RecordingStatus // what an update made of it while its call lasts
	fetched time.Time              // when its media was first sent whole
	deleted time.Time
	asked   int // requests for its media
}

// settle draws how the recording will end and what is said in it. It is drawn
// from the recording's SID, so that it comes out the same after a restart.
func (r *recording) settle(clips library) {
	dice := newDice(r.call.Seed, r.sid, "recording")
	r.outcome = schema.RecordingCompleted
	if happens(dice, r.call.Faults.Absent) {
		r.outcome, r.errorCode = schema.RecordingAbsent, pick(dice, 16101, 16102)
		if dice.IntN(3) == 0 {
			r.outcome, r.errorCode = schema.RecordingFailed, 16104
		}
	}
	r.clips = clips.choose(dice, r.channels, between(dice, 1, 2))
	r.seconds = clips.seconds(r.clips)
	r.takes = r.call.wait(time.Duration(between(dice, 1, 5)) * time.Second)
}

// ready is the moment at which Twilio is done with the recording.
func (r *recording) ready() time.Time { return r.call.finished().Add(r.takes) }

// statusAt is the recording's status at a moment.
func (r *recording) statusAt(now time.Time) schema.RecordingStatus {
	switch {
	case !r.deleted.IsZero():
		return schema.RecordingDeleted
	case !now.Before(r.ready()):
		return r.outcome
	case !now.Before(r.call.finished()):
		return schema.RecordingProcessing
	case r.paused != "":
		return r.paused
	}
	return schema.RecordingInProgress
}

// duration is the length that Twilio states, in whole seconds.
func (r *recording) duration() int { return int(math.Round(r.seconds)) }

// wants reports whether the callback was asked for a status. Failed cannot be
// asked for; it comes where completed would.
func (r *recording) wants(status schema.RecordingStatus) bool {
	if status == schema.RecordingFailed {
		status = schema.RecordingCompleted
	}
	return slices.Contains(r.events, string(status))
}

// mediaFault is how a request for a recording's media goes wrong.
type mediaFault int

const (
	mediaSound     mediaFault = iota
	mediaMissing              // 404
	mediaCut                  // shorter than the length announced
	mediaCutChunks            // breaks off, of no announced length
	mediaShort                // 200, and only the first quarter of it
	mediaEmpty                // 200, nothing
	mediaNotAudio             // 200, called audio, a line of text
	mediaPage                 // 200, an HTML page
	mediaBroken               // 500, an HTML page
	mediaAway                 // 503
	mediaLimited              // 429
)

// nextMediaFault returns what happens to the next request: the recording's own
// short row of faults first, the audio ever after.
func (r *recording) nextMediaFault() mediaFault {
	row := r.mediaFaults()
	r.asked++
	if r.asked <= len(row) {
		return row[r.asked-1]
	}
	return mediaSound
}

// mediaFaults draws the row, of at most four faults.
func (r *recording) mediaFaults() []mediaFault {
	var row []mediaFault
	dice, faults := newDice(r.call.Seed, r.sid, "media"), r.call.Faults
	draw := func(p float64, most int, kinds ...mediaFault) {
		if !happens(dice, p) {
			return
		}
		for range between(dice, 1, most) {
			row = append(row, pick(dice, kinds...))
		}
	}
	draw(faults.Media404, 2, mediaMissing)
	draw(faults.Truncated, 1, mediaCut, mediaCutChunks, mediaShort, mediaEmpty, mediaNotAudio, mediaPage)
	draw(faults.Errors, 1, mediaBroken, mediaAway)
	draw(faults.RateLimit, 1, mediaLimited)
	return row[:min(len(row), 4)]
}
