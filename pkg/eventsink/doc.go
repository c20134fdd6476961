// Package eventsink has Twilio's Event Streams deliver an organization's
// events to callstream: it makes the sink and the subscription of each kind of
// events, keeps them as they should be and removes them.
//
//   - SMS and calls each have a sink of their own, told apart by the URL: a sink
//     takes one subscription.
//   - Every operation may be repeated, run twice at once and be interrupted
//     anywhere. A repeat goes on from what is at Twilio, and ends with one sink,
//     one subscription and their SIDs stored; one organization's operations
//     take turns, whichever process they run in.
//   - What is stored tells the truth as far as it is known: both SIDs and that
//     they are active come in one write, after everything at Twilio is as it
//     should be; a subscription that is known to be gone is not active.
//   - Nothing that may be somebody else's is touched. Ours is what is stored,
//     and what bears our description and delivers to our URL; so two
//     installations may share a Twilio account.
//   - No event is missed in a change: what is new comes before what is old goes.
//   - Destinations may hold credentials, so none that was read from Twilio is
//     logged or returned.
//
// A set-up goes:
//
//	which types does Twilio offer? ──none──▶ refused, nothing made
//	        │
//	stored subscription at Twilio? ──404──▶ forgotten
//	        │
//	list sinks and subscriptions ◀──────── somebody was faster ───────┐
//	        │                                                         │
//	subscribed and ours? ─no─▶ free sink at our URL? ─no─▶ make sink  │
//	        │ types corrected          └────── subscribe ──────┴──────┘
//	        ▼
//	remove what else is ours ──▶ store ──▶ test event
package eventsink
