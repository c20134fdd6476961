package schema

import "log/slog"

// Account is an organization's Twilio account with what callstream may do in
// it.
type Account struct {
	OrganizationID string
	AccountSID     string
	AuthTokens     []string `json:"-"` // primary first, then the secondary while tokens are rotated; never logged

	Region, Edge string // Twilio's, for the REST API; empty: us1

	RecordingEnabled     bool // cached copies go stale: decide by is_recording_enabled, never by this
	TranscriptionEnabled bool
	Unexpected           Unexpected
	Delete               DeletePolicy
}

// LogValue keeps the tokens out of logs.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("org", a.OrganizationID), slog.String("account_sid", a.AccountSID))
}

// String keeps the tokens out of formatted text.
func (a Account) String() string { return a.AccountSID + " of " + a.OrganizationID }

// GoString keeps the tokens out of %#v.
func (a Account) GoString() string { return a.String() }

// PhoneQuery asks whose a call's numbers are.
type PhoneQuery struct {
	AccountSID string
	From, To   string // normalized
	Leg        Leg
}

// Resolution answers a PhoneQuery.
type Resolution struct {
	OrganizationID string    // of the number that was found and belongs to the account's organization; empty: neither is known
	AccountOrg     string    // organization that owns the account; empty: nobody's
	Direction      Direction // seen from the organization; by the leg when neither or both numbers are its own
	PhoneNumber    string    // the organization's own number
}

// Principal is the holder of an API key.
type Principal struct {
	KeyID          string
	OrganizationID string
	Name           string   // as the key was called when it was made
	Permissions    []string // what it may do; see package api
}
