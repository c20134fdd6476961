package schema

import "time"

// Organization is a tenant: one company with one Twilio account.
type Organization struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	AccountSID string    `json:"account_sid,omitempty"` // empty: it has no Twilio account yet
	Numbers    int       `json:"numbers"`               // how many telephone numbers it has
	CreatedAt  time.Time `json:"created_at"`
}

// PhoneNumber is one of an organization's numbers. Calls of other numbers are
// never recorded.
type PhoneNumber struct {
	Number    string     `json:"number"`          // normalized, see NormalizeNumber
	Voice     *VoicePlan `json:"voice,omitempty"` // how /twilio/voice answers calls to it; nil: it does not
	CreatedAt time.Time  `json:"created_at"`
}

// APIKey is what is kept of a key; the key itself is shown once, when it is
// made.
type APIKey struct {
	ID             string     `json:"id"`
	OrganizationID string     `json:"organization_id,omitempty"` // empty: an operator's, of all organizations
	Name           string     `json:"name"`
	Permissions    []string   `json:"permissions"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty"` // works until then; nil: without end
	RevokedAt      *time.Time `json:"revoked_at,omitempty"`
}

// AuditEntry is one line of the audit log: who did what to what.
type AuditEntry struct {
	ID             int64          `json:"id"`
	OrganizationID string         `json:"organization_id,omitempty"`
	Actor          Actor          `json:"actor"`
	Action         string         `json:"action"` // "settings.update", "recording.play": an open set
	Target         string         `json:"target"` // what it was done to
	Detail         map[string]any `json:"detail"` // never a secret
	At             time.Time      `json:"at"`
}
