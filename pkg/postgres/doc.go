// Package postgres keeps everything that callstream knows: one type, [DB], with
// a file per table.
//
//   - A call's row is the merge of its events (schema.CallFacts.Merge, in SQL):
//     any order, any duplicates, any number of workers, the same row.
//   - An event that may not create a row is kept with the facts it brought until
//     one that may has created it: each side writes its own, commits, and then
//     looks for the other's, so that neither order loses.
//   - is_recording_enabled is never an error and never a cached answer.
//   - recording_url is set only by MarkArchived, in one transaction with the
//     proof that it stands for.
//   - Twilio tokens are sealed; API keys are hashes.
//   - Errors are [schema.Error]s: Unavailable for a database that does not
//     answer, NotFound for no row, Conflict for a row that is in the way.
package postgres
