package simulator

import (
	"net/http"
	"strings"
)

// Traits are what one Twilio account has unlike most. The zero value is an
// active, paid account with all event types, Voice Insights' Advanced Features
// and recordings that lie at Twilio in the clear.
type Traits struct {
	Status string            // active by default; suspended, closed
	Type   string            // Full by default; Trial
	Types  map[string]string // the status of event types that is not the usual one, as restricted; empty: the account has no such type

	NoInsights bool // Advanced Features are off; the simulator goes on to send summaries
	Encrypted  bool // recordings are encrypted with the account's public key, as their resources tell
	External   bool // recordings lie in a bucket of the account's own: there is no media at Twilio
}

// typeStatus is the status of an event type in this account; ok is false for
// one that it does not have.
func (t Traits) typeStatus(name, usual string) (status string, ok bool) {
	status, special := t.Types[name]
	if !special {
		return usual, true
	}
	return status, status != ""
}

// subscribable reports whether a type of such a status can be subscribed to.
func subscribable(status string) bool { return status == "available" || status == "deprecated" }

// accountEndpoints are the operations on the account itself, and on Voice
// Insights' settings, which are another API's.
var accountEndpoints = []endpoint{
	{"GET", "/2010-04-01/Accounts/{file}", nil, (*Simulator).fetchAccount},
	{"GET", "/v1/Voice/Settings", []string{"SubaccountSid"}, (*Simulator).fetchInsights},
}

const accountCreated = "Tue, 24 Mar 2026 18:15:37 +0000"

func (s *Simulator) fetchAccount(r *request) (reply, error) {
	sid := s.config.AccountSID
	if strings.TrimSuffix(r.PathValue("file"), ".json") != sid {
		return reply{}, notFound(r.Request)
	}
	traits := s.config.Account
	return reply{http.StatusOK, map[string]any{
		"sid": sid, "owner_account_sid": sid, "friendly_name": "Simulated account",
		"status": orDefault(traits.Status, "active"), "type": orDefault(traits.Type, "Full"),
		"auth_token": nil, "date_created": accountCreated, "date_updated": accountCreated,
		"uri":              accountPath(sid) + ".json",
		"subresource_uris": map[string]string{"calls": accountPath(sid) + "/Calls.json", "recordings": accountPath(sid) + "/Recordings.json"},
	}}, nil
}

func (s *Simulator) fetchInsights(r *request) (reply, error) {
	return reply{http.StatusOK, map[string]any{
		"account_sid": s.config.AccountSID, "advanced_features": !s.config.Account.NoInsights, "voice_trace": false,
		"url": origin(r) + "/v1/Voice/Settings",
	}}, nil
}
