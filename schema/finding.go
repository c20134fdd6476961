package schema

import "time"

// Severity is how a check of callstream's health ended.
type Severity string

// The severities, the worst last.
const (
	SeverityOK      Severity = "ok"
	SeverityWarning Severity = "warning" // it works, and something will be missing or slow
	SeverityFailed  Severity = "failed"  // it does not work
)

// Finding is the outcome of one check.
type Finding struct {
	OrganizationID string        `json:"organization_id,omitempty"` // empty: a check of the whole installation
	Check          string        `json:"check"`                     // "bucket.write", "twilio.credentials"
	Severity       Severity      `json:"severity"`
	Detail         string        `json:"detail"`           // what was found, in words
	Advice         string        `json:"advice,omitempty"` // what to do about it; empty when all is well
	Took           time.Duration `json:"took_ns"`
}
