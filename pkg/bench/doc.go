// Package bench measures callstream, and beside it the limits of what it stands
// on: in the same run, on the same servers, in turns.
//
// A part of the benchmark is a table of figures. Each figure that has a limit is
// a contest between callstream and the bare thing (an HTTP server that stores
// nothing, a plain JetStream publisher, one multi-row statement, one PUT). The
// contestants take turns, A B A B, after a round each that does not count; the
// figure is the median of each one's rounds, and the ratio is the median of the
// ratios round by round, so that a neighbour on the machine slows both. Goals
// are ratios, or what a person would notice: times and megabytes.
//
// callstream is measured as it runs: its roles are processes of their own, made
// from the same binary, which are given the same variables as in production.
// What sends requests, plays Twilio and counts is this process.
//
//	this process                 the same binary, once a role
//	  load ──────────signed──────▶ ingress ─────────▶ NATS (its own process each)
//	  Twilio's double ◀───REST──── consume ... ─────▶ Postgres, S3
//	  limits ────────────────────────────────────────▶ the same NATS, Postgres, S3
//
// What holds:
//
//   - Only what is acknowledged counts, and what came of it is looked at: a row
//     that is missing, an event that was refused is an error, not a figure.
//   - Requests are made and signed before the clock runs.
//   - A database or stream that holds anybody's calls is not touched: given real
//     servers, the benchmark wants them empty.
//   - A figure that could not be taken says why; the rest are taken.
//
// [Soak] and [Crash] measure on the same servers and roles what time and kills
// change: nothing, as they show.
package bench
