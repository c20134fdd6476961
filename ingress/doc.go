// Package ingress takes what Twilio tells, by Event Streams and by callbacks,
// and stores it in the stream as normalized events.
//
//	POST /twilio/events       Event Streams: 204
//	POST /twilio/call-status  status callback and TwiML action URL: 200 <Response/>
//	POST /twilio/recording    recording status callback: 204
//
// A request goes one way, and leaves it where it must:
//
//	read body ─▶ find account ─▶ verify signature ─▶ decode ─▶ store ─▶ 2xx
//	    │413         │403 503         │403 503                   │503
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
//     take all the places that requests have.
package ingress
