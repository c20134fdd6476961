// Package api is callstream's JSON API for people and programs: calls and why
// they are as they are, recordings, messages, everything that an organization's
// administrator sets, and what operators watch and mend: the pipeline, dead
// letters and replays.
//
//   - Every request carries an API key as Authorization: Bearer. The key names
//     the organization, and with it every row that the request may see. Only an
//     operator's key, which belongs to none, says in a header whose it means.
//   - Dead letters and replays that are not the organization's own look to its
//     keys as if they were not there; those of nobody are the operators'. Only
//     operators let a replay have side effects.
//   - No request has work done that outlasts it but a replay, which is queued for
//     a process that runs its consumer: the API needs none of what that needs.
//   - Each operation needs one permission; an operation that names none, and is
//     not for anyone, answers nobody.
//   - Who acts is in the context of all that an operation calls: what changes
//     something writes it to the audit log with the change.
//   - A playback is in the audit log before its first byte leaves.
//   - Twilio's tokens go in and never come out: not in an answer, not in a
//     problem that repeats what was wrong, not in a log.
//   - A key that asks too often, and an address that tries keys, are held back
//     before the database is asked. The counts are each process's own.
//   - Errors are RFC 9457 problem+json whose detail says what to do.
//   - The OpenAPI 3.1 document at /api/openapi.json is made from the code, with
//     each operation's permission and scope in it.
package api
