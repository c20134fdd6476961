// Package whisper turns recordings into text through OpenAI's transcription
// API, or any service that speaks it, with go-openai.
//
//   - One request holds at most MaxUpload bytes. Longer recordings go in parts
//     that are cut between MP3 frames; the segments' times are those of the
//     whole recording, counted in frames.
//   - Memory is bounded by one part, a few times over: the client below builds
//     each request in memory.
//   - Silence has an empty transcript, which is an answer and not an error.
//     What a model makes up over silence is left out (see speech).
//   - Errors are [schema.Error]s. schema.Refused means that the service will
//     not take this audio, ever; every other one is worth a repeat, after
//     RetryAfter where the service named a time. Nothing is repeated here.
//   - Neither what was said nor the key is logged, counted or put in an error.
package whisper
