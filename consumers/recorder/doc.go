// Package recorder decides whether an answered call is recorded, and starts
// the recording over Twilio's REST API: exactly once per call, and only against
// a fresh yes.
//
// A dialled party's leg is not a call of its own: its event decides on the
// parent, where Twilio keeps the recording of both. One call is decided by one
// worker at a time, under a lease, in this order:
//
//	stored final decision ──▶ nothing left to do
//	stored "starting" ──────▶ look at Twilio whether that start took effect: adopt it
//	event too old ──────────▶ not started: stale
//	call over ──────────────▶ not started: call_ended
//	settings ── no ─────────▶ not started: disabled, number_unknown, ...
//	Twilio's list ── one? ──▶ not started: already_running
//	settings again ── no ───▶ not started
//	store "starting" ─▶ start ─▶ settings once more ─▶ store "started"
//
// A replay decides nothing and asks Twilio nothing, unless it is allowed to act;
// then it does all this, and the age of its events makes most calls stale. The
// stream does not carry the recorder's decisions: a database that is built anew
// has those of answered calls from call.received, those of recorded ones from
// the facts beside their copies, and none of the others.
//
// Invariants:
//
//   - Nothing starts unless is_recording_enabled said yes right before, whatever
//     fails: an error is a no.
//   - "starting" is stored before Twilio is asked to start, so that no crash and
//     no lost answer leads to a second start without a look at what runs.
//   - If the switch went off while the start was on its way, the recording is
//     quarantined before its decision is stored.
//   - Every answered call ends with one stored decision. What Twilio cannot do
//     while the call may live is tried again within seconds; after that the
//     decision says so.
package recorder
