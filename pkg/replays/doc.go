// Package replays runs replays that are on record: those that a person waits
// for, in the foreground, and those that were queued, in whichever process runs
// their consumer and so has what its handler needs.
//
//   - A replay is held by one process at a time, which renews its hold with each
//     checkpoint. A process that stops in order hands it over at once; one that
//     vanishes leaves it to the next when its hold has run out.
//   - Whoever takes a replay over goes on at the last checkpoint: what ended
//     behind it is done again, as with every delivery.
//   - A dependency that is away interrupts a queued replay and fails none.
//   - One that was cancelled, or taken over, stops at its next checkpoint.
package replays
