// Package twilio is the only one that speaks to Twilio: its REST API, its
// Event Streams API, its media, and the signatures of what it sends.
//
// Each operation is one method of [Client] that takes the account it acts for.
// They keep these promises:
//
//   - A context that ends ends the request. The library below has no contexts;
//     each call therefore gets a client of its own whose transport carries one.
//   - Blank credentials are refused before anything is sent, and the process's
//     environment is never consulted: one organization can not act as another,
//     or as the operator.
//   - Credentials go to the configured addresses and nowhere else: not after a
//     redirect, not to the next page of a list. A URL is built from validated
//     SIDs and never taken from a payload.
//   - An error has a [schema.Code] by what can be done about it, and Twilio's
//     status, code and message as an [Error]. Nothing is repeated here but what
//     Twilio cannot have acted upon (see transport); when to repeat is the
//     stream's business.
//   - No token appears in an error, a log line or a metric.
//   - One account has a bounded number of requests under way, so that a
//     backlog of one tenant leaves the others room. Downloads have a bound of
//     their own: they take minutes and must not delay the start of a recording.
package twilio
