// Package reaper deletes recordings at Twilio once callstream no longer needs
// them there. Deletion cannot be undone, so it passes a gate each time anew,
// by what the database holds and not by what the event says:
//
//   - the copy in S3 was proven and that is committed;
//   - the recording is not quarantined;
//   - its transcript is stored, or was skipped because transcription is off;
//   - the organization lets callstream delete it: all that is archived, only
//     what callstream started itself, or nothing.
//
// What does not pass stays at Twilio, and the call's timeline says why. A
// recording that Twilio no longer has counts as deleted. Every deletion leaves
// a receipt. One that fails is a warning, is tried again for days, and holds up
// nothing else.
//
// A replay that may not act deletes nothing and stores no receipt: that a
// recording is gone at Twilio does not say who removed it, or when.
package reaper
