// Package calls merges the news of calls into their rows, many at a time: one
// look-up for all their numbers, one statement for all their rows.
//
//   - A call's row is a function of the set of its events: order, repetition
//     and the number of workers do not show in it. The store merges; nothing
//     here reads a row first.
//   - An event that tells of a new call creates its row, under the organization
//     whose number it has or else the one whose account it is. Only a
//     completion does so solely for a known number: Twilio reports the end of
//     every leg, also of those that nobody asked about. What such a completion
//     says waits for the row that a summary or a recording may still create.
//   - The whole batch is stored, or none of it; an event of an account that
//     belongs to nobody is given up without its neighbours.
package calls
