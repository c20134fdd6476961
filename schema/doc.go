// Package schema is callstream's domain: the events that travel through the
// stream, the subjects and durables that carry them, the vocabulary that
// Twilio's many spellings are normalized to, and the errors that every layer
// speaks. It imports the standard library only, so that everything may import
// it.
//
// Two properties hold here and are relied upon everywhere else:
//
//   - An event's message id names the fact, not the delivery. The same fact by
//     status callback, by Event Streams or by reconciliation has the same id.
//   - [CallFacts.Merge] is commutative, associative and idempotent: a call is a
//     function of the set of its events, in whatever order they came.
package schema
