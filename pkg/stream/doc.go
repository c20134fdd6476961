// Package stream is the only one that speaks NATS. It connects, provisions the
// streams and durables, publishes events, and runs durables over typed
// handlers.
//
// What a handler returns decides what becomes of its message:
//
//	nil                        acknowledged
//	Terminal(err)              dead letter, now
//	RetryAfter(err, d)         again after d; uses an attempt
//	Snooze(d, reason)          again after d; not a failure, uses no attempt
//	schema.Unavailable         again by backoff; the dependency heals without us, uses no attempt
//	any other error, a panic   again by backoff, or when the other side asked for it
//	                           (schema.RetryAfterOf), until the attempts run out, then dead letter
//	(undecodable)              dead letter, without the handler
//
// Invariants:
//
//   - Publish returns nil only when JetStream has acknowledged every event. A
//     duplicate is an acknowledgement; "maximum bytes exceeded" and a duplicate
//     still in flight are not, whatever their error codes suggest.
//   - The server never gives a message up (MaxDeliver is unlimited): attempts
//     are counted here, in the [Ledger]. What may have killed a process is counted
//     before the work: every message from its second delivery on, and the first
//     MaxAckPending that a runner gets, since a server that died with its process
//     may have forgotten deliveries. Others are counted when they fail. So a
//     message that kills its process is counted too, if not its first attempt.
//     The delivery after the last allowed attempt is dead-lettered without
//     running the work.
//   - A message is acknowledged only when its outcome is safe: the handler's
//     work, the dead letter, or the row that parks it.
//   - Waits of more than a minute are rows ([Parking]), not messages held by the
//     broker, where they would use up MaxAckPending and block everybody else.
//   - Handlers are idempotent: an acknowledgement can be lost after the work.
//   - A replay ([Conn.Replay]) reads history beside the durables and moves none of
//     them. Its end is fixed at its start, its cursor passes no message that has
//     not ended, and it publishes nothing and does nothing that others cannot undo
//     unless it is told to.
//   - A dead letter that an operator tries again ([Letters]) goes to the durable
//     that gave it up, by way of the parking. Its mark and its row in the parking
//     come and go together, so that no order of crashes forgets it.
//   - A call is one trace. Its id is made of the account and the call, so that
//     whatever process publishes an event of the call, by whichever webhook,
//     does so in that trace ([TraceOf]), with a link to the request's own. The
//     message carries it, the stages join it, and what they publish stays in it.
//     A batch is a span of its own that links to its messages; each has besides
//     a span in its call's trace. Replays make no spans of their own.
//   - Metrics and traces fail nobody: what cannot be seen or sent is left out.
//
// The way of a message through a [Runner]:
//
//	             ┌── wait ≤ 1 min ── broker ◀─┐
//	CALLS ─▶ delivery ─▶ counted ─▶ handler ──┼─▶ acknowledged
//	             ▲                     │      └─▶ dead letter stored, then terminated
//	             └─── parking ◀── wait > 1 min
package stream
