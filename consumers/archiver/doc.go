// Package archiver copies recordings from Twilio to S3. One recording is
// handled by one worker at a time, under a lease, in this order:
//
//	archived already ──────▶ emit recording.archived again
//	call has no row ───────▶ fetch it from Twilio's REST and create the row
//	absent, failed, ... ───▶ store that as the recording's end
//	completed ─────────────▶ row ─▶ copy ─▶ proof ─▶ facts beside it ─▶ marker ─▶ recording.archived
//
// A replay goes the same way, and first looks into the bucket: a copy that lies
// in the recording's place, with the facts beside it, is proven and marked from
// there. So a database that was lost is built anew although Twilio has none of
// the audio any more; the facts also say whether the recording is quarantined
// and bring back the decision on its call. That Twilio has no audio means
// nothing to a replay: it is an error, never a recording's end.
//
// Forced, a replay archives again what is archived: the copy in this bucket if
// it proves whole, or else Twilio's audio, or else the copy in the bucket before.
//
// Invariants:
//
//   - A recording that is archived stays so: its row goes from one proven copy to
//     another at once, or not at all, and nothing is written over a copy before
//     what replaces it is proven.
//   - The marker (recording_url) comes after the proof: the object was read back
//     whole, and is the bytes that Twilio announced, as long as it claimed.
//   - What is not audio, or not all of it, is never left in the bucket under a
//     recording's name.
//   - Memory is constant whatever the recording's length.
//   - Audio that callstream itself caused against a no, and audio that an
//     organization wants treated so, is kept and quarantined: no URL, no event,
//     so nothing transcribes, shows or deletes it.
//   - Addresses and keys are built from checked SIDs, never taken from a payload.
//   - Audio is never lost for want of facts: a recording of a call that Twilio
//     no longer knows gets a bare row.
package archiver
