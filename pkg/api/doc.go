// Package api is callstream's JSON API for people and programs: calls and why
// they are as they are, recordings, messages, and everything that an
// organization's administrator sets.
//
//   - Every request carries an API key as Authorization: Bearer. The key names
//     the organization, and with it every row that the request may see. Only an
//     operator's key, which belongs to none, says in a header whose it means.
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
