// Package ingress takes what Twilio tells, by Event Streams and by callbacks,
// and stores it in the stream as normalized events.
//
//	POST /twilio/events       Event Streams: 204
//	POST /twilio/call-status  status callback and TwiML action URL: 200 <Response/>
//	POST /twilio/recording    recording status callback: 204
//	POST /twilio/voice        an incoming call: 200 and TwiML
//
// A request goes one way, and leaves it where it must:
//
//	read body ─▶ find account ─▶ verify signature ─▶ decode ─▶ store ─▶ 2xx
//	    │413 429     │403 503         │403 503                   │503
//
// What holds:
//
//   - A 2xx is sent only after the stream acknowledged all that the request
//     told. A repeat of a request is harmless: its message ids are the same.
//   - Twilio drops an event for good on any 4xx but 429. So 403 is for what is
//     proven: an account that the database says does not exist, a signature
//     that fails under tokens read after the request came. Any doubt is a 503.
//   - What is signed but cannot be decoded is stored as a dead letter with its
//     bytes, and acknowledged: refused, it would be lost.
//   - An account signs for itself alone. What it signs about another's calls is
//     a dead letter.
//   - A known account is served while the database is away, and no account can
//     take all the places that requests have. Who does not end his request
//     takes none.
//
// A call that asks what is to be done with it has somebody on the line. So it is
// answered within the budget, with TwiML, whatever fails; recording is what is
// given up first:
//
//	plan and yes ──────────▶ connected or put to voicemail, recorded
//	plan, no or any fault ─▶ connected; voicemail says that it takes no messages
//	no plan, not proven ───▶ connected to the URL's fallback, without any event
//	no fallback either ────▶ a regret; 403 for what is proven not to be Twilio's
//
// An answer that records means, in this order:
//
//   - is_recording_enabled said yes after the request came, to an account that
//     signed it. Every request is looked up anew; nothing is held.
//   - The stream has acknowledged an event call.received that says so.
//   - The decision stored for the call, of which there is one, says so.
//
// So a call that Twilio asks about twice is recorded only if the first decision
// said yes, and then only if the switch is on still: a no stands, whoever asks
// again, wherever. The decision is stored before the call can be answered, so
// the recorder finds it whenever it hears of the call or of a leg that was
// dialled. The reverse does not hold: an answer may get lost on its way, or the
// database after the stream took the event, and a call that was to be recorded
// is not. A no that the database could not take has an id of its own in the
// stream, so that it keeps out no later yes.
//
// Only a call that comes in is decided on here. One that Twilio was asked to make
// is answered unrecorded, and the recorder decides when it is told of the answer.
package ingress
