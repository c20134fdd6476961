// Package crash kills a process at a chosen step of its work. It stands on the
// way between a process and what that leans on, and knows enough of each
// protocol to see where one step ends and the next begins: a statement that
// writes, a commit, a message published, acknowledged or put off, a part of an
// object, a request to an API.
//
//	process ──▶ wire ──▶ Postgres, NATS, S3, an API
//	              │
//	              ▼
//	            trap: is this the step? then kill, and pass nothing on
//
// Invariants:
//
//   - The process knows nothing of it: it is given other addresses, and dies of
//     a signal that it cannot catch.
//   - Killed before a step, the server has not heard of the step, but of all
//     that the same connection carried before it. Killed after a step, the server
//     has done it and the process has not heard so.
//   - What the process had sent on other connections reaches the servers, as it
//     does when a machine goes on without the process.
//   - Nothing of what is carried is changed, kept or logged, but for the SIDs of
//     what a process was killed over.
package crash
