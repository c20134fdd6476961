// Package telemetry makes what every role reports with: a logger, a registry
// of metrics, the routes /healthz, /readyz and /metrics, and traces. They are
// passed to whoever needs them; nothing here is global.
//
// Traces hold SIDs, and no telephone number, token, signature or transcript:
// what the libraries would tell of addresses is cut before it is sent. No trace
// is taken from a request or sent along with one, since the other side is not
// ours; within callstream messages carry it (see pkg/stream).
package telemetry
