// Package consumers lists the pipeline's durables. One name says it all: a
// durable is called as the folder and package that does its work, as the
// argument of the consume command, and as the label in its metrics.
//
//	call.*, insights.summary ──▶ calls ──────────▶ the call's row
//	call.answered ─────────────▶ recorder ───────▶ a decision; perhaps a recording at Twilio
//	recording.processed ───────▶ archiver ───────▶ a verified copy ──▶ recording.archived
//	recording.archived ────────▶ transcriber ────▶ a transcript ─────▶ recording.transcribed
//	recording.transcribed ─────▶ reaper ─────────▶ gone at Twilio, with a receipt
//	message.> ─────────────────▶ messages ───────▶ the SMS message's row
//
// Archiving, transcribing and deleting are durables of their own so that an
// outage of one service stops only what needs it: audio leaves Twilio while
// transcription is away.
//
// All of them keep these rules:
//
//   - Work that is found done is not done again, and its outcome is emitted
//     again: a crash between commit and publish heals by redelivery.
//   - Work on one call or recording that must not run twice at once holds a
//     lease, since the stream may deliver a message while it is still in work.
//   - A message ends acknowledged only after everything that it caused is
//     stored; each adds its line to the call's timeline.
//   - A replay of history changes nothing that is finished, and does nothing that
//     others cannot undo unless it is told to by name: nothing is recorded and
//     nothing deleted. Plan says what an event would change, and only reads.
//
// A lost database is built anew by replays, one after the other: calls and
// messages merge what the stream tells, the archiver marks the copies that it
// proves in the bucket, the transcriber hears them again. Organizations with
// their ids, settings and numbers have to be there before. The stream does not
// tell the recorder's decisions (those on recorded calls lie beside the copies)
// nor the receipts of deletions. A replay works with consumers of its own,
// without a registry for their counts.
package consumers
