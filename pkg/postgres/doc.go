// Package postgres keeps everything that callstream knows: one type, [DB], with
// a file per noun.
//
//   - A call's row is the merge of its events (schema.CallFacts.Merge, in SQL):
//     any order, any duplicates, any number of workers, the same row.
//   - An event that may not create a row is kept with the facts it brought until
//     one that may has created it: each side writes its own, commits, and then
//     looks for the other's, so that neither order loses, and a crash in between
//     is healed by the event's next delivery.
//   - Rows are locked in one order, calls before decisions, recordings and
//     events, each kind by its key: workers never wait for each other in a circle.
//   - An account's events change nothing of another account's calls, recordings
//     or messages, whatever SIDs they name.
//   - A change of administration and the audit log's entry of it come about
//     together or not at all; a repeat that changes nothing is not told. Changes
//     of one organization take turns at its row, under a lock that lets events
//     refer to it meanwhile.
//   - Nobody reads or changes by one organization's id what is another's.
//   - No statement outlives its context by more than about a second, whatever the
//     server does.
//   - is_recording_enabled is never an error and never a cached answer.
//   - recording_url is set only by MarkArchived, of a recording and its call in
//     one transaction. What is in quarantine is on no call's row.
//   - Twilio tokens are sealed, bound to their organization; API keys are hashes.
//     Neither is in the audit log, nor in what settings show.
//   - Errors are [schema.Error]s: Unavailable for a database that does not
//     answer, NotFound for no row, Conflict for a row that is in the way, Invalid
//     for what no column takes.
package postgres
