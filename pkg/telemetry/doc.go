// Package telemetry makes what every role reports with: a logger, a registry
// of metrics, and the routes /healthz, /readyz and /metrics. They are passed
// to whoever needs them; nothing here is global.
package telemetry
