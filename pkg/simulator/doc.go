// Package simulator is a double of Twilio and of OpenAI's transcription API
// that remembers, together with the truth to hold a pipeline against.
//
// It places realistic calls at a chosen rate, tells of them by signed status
// callbacks and by Event Streams under Twilio's own rules of repetition,
// answers Twilio's REST API about them, serves their recordings as MP3 speech
// and transcribes them. Faults are drawn by a seed. It knows nothing of
// callstream but the vocabulary of package schema: it signs, spells and
// expects by itself, so that an error in the pipeline cannot hide in code that
// both share.
//
// # Chance, time and memory
//
// A call is a function of the seed and its index: parties, legs, times,
// recordings, faults. Only what happens from outside (when it was placed, what
// requests did, what voice URLs answered, which deliveries were accepted, when
// the recording flag changed) is remembered, in a journal of which the state is the fold. A line
// is written before the answer that it stands for goes out. After a kill -9
// calls go on along their timeline, and what was not accepted is sent again.
//
// Facts are stated in whole seconds from the call's start, so that every
// source of Twilio's states the same; waits are divided by Config.Speed. With
// a speed above one, a call's end is therefore stated later than it comes.
//
// Within a call the order is: legs begin, ring, are answered, end; recordings
// run until the end, are processed, become completed, absent or failed, and
// stay until they are deleted:
//
//	in-progress ──end──▶ processing ──▶ completed ──DELETE──▶ deleted
//	                               └──▶ absent, failed
//
// # Calls that are answered by a voice URL
//
// Where a number has a voice URL, by the configuration or by a request to the
// REST API, inbound calls of the kinds that TwiML answers (see scenarios) ask
// it, by a signed request, and follow the TwiML that comes: <Say>, <Pause>,
// <Dial> of one <Number>, <Sip> or <Client>, <Record>, <Hangup>, and the action
// URLs of these. How long it rings, who picks up, who hangs up first and what
// message is left is drawn by the seed; legs, callbacks and recordings are what
// the TwiML says. An answer is journalled, and a call that has none when its
// process dies asks again.
//
// # What is correct
//
// [Simulator.Verify] holds the pipeline to this. "Told" means that a status
// callback or an event with the fact was answered with a 2xx.
//
// Rows. Every leg has one row when its answer or its summary was told, when
// its end was told and one of its numbers is the organization's, or when it
// has a recording whose end was told. A leg of which the end alone is told, and
// whose numbers are nobody's, has none. There are no other rows and none twice. No event may be refused for good (4xx) or for longer than Twilio
// repeats it.
//
// Facts. What was told must be known: the final status, the answer, the end
// and duration, the start where a summary gave it. What is known must be true,
// told or not: parties normalized, leg, parent, organization, direction as the
// organization sees it, its number, trunk, caller's name. A call that nobody
// answered has no answer and a duration of zero, or none.
//
// Decisions. When an answer was told (the call's own, or a dialled child's)
// the parent's row has one final decision. If requests started a recording it
// is that one (unless it failed, which is as good as none), and: there is one, on the parent, the flag was on, a number of
// the call is the organization's. If they did not, the reason must be true:
//
//   - number unknown: no number of the parent is the organization's
//   - disabled: the flag was off
//   - call ended: Twilio answered 21220, or the call was over by then
//   - stale, or Twilio away: the answer was two minutes old
//   - already running: the organization's own set-up was recording by then
//
// Answers. Where a number's voice URL is callstream's, what it answers is TwiML
// that Twilio understands, every time: nobody hears that an application error
// has occurred. Such a call has a final decision, whether or not anybody was
// reached. It is started by rule twiml if and only if an answer asked for a
// recording (which need not have come about: nobody picked up, or the caller
// was silent), and then the flag was on when it was asked, and no request
// started another. Else it is not started for a reason that is true, or a
// request started it. Its recordings by TwiML are callstream's own.
//
// A moment of the pipeline's and one of the simulator's may lie two seconds
// apart; a flag that changed within that time of a decision excuses either.
//
// Recordings. Each one whose end was told has one row under its parent call,
// with Twilio's facts. A completed one is archived byte for byte under a key
// of its own with its size and SHA-256 noted, has a transcript (the very words
// and times, where the simulator transcribed), is gone at Twilio since a time
// after its audio was fetched, and has a receipt for the archived copy. An
// absent or failed one has no audio, transcript or receipt and is not deleted.
// Only a recording that was started while the flag was being switched off may
// be quarantined, and then has no transcript. The call's recording_url and
// transcription are those of one of its recordings, and empty without one.
// This is for an organization that processes unexpected recordings and deletes
// archived ones, the defaults.
package simulator
