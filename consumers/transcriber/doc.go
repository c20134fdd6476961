// Package transcriber turns archived recordings into text. It reads the copy
// in S3, never Twilio, and one worker at a time does so for a recording, since
// every run is paid for:
//
//	quarantined ─────────────▶ nothing: nobody reads it
//	transcript stored ───────▶ emit recording.transcribed again
//	transcription is off ────▶ emit recording.transcribed, marked as skipped
//	else ─▶ S3 ─▶ transcribe ─▶ store ─▶ emit recording.transcribed
//
// Of a recording on two channels each line of the text is given the channel on
// which it is spoken.
//
// A forced replay transcribes again what has a transcript, which stands until
// the new one takes its place; so does one of a recording whose new transcript
// does not come. The timeline keeps who transcribed it first.
//
// A service that is away, or limits its rate, is asked again for days. One that
// refuses the audio for good ends in a dead letter. Either way the archive
// stays as it is, and so does the recording at Twilio.
package transcriber
