package postgres

import (
	"errors"

	"github.com/loquent/callstream/schema"
)

// revision is a row of settings under change, with what the audit log is told
// of it: tokens only that they changed.
type revision struct {
	row      settingsRow
	action   string
	detail   map[string]any
	resealed bool // a token is the same and under another key now
}

// apply makes the changes that c names. d seals the tokens.
func (r *revision) apply(c schema.SettingsChange, d *DB) error {
	if c.AccountSID != nil && *c.AccountSID != r.row.AccountSID && (r.row.SMSActive || r.row.CallActive) {
		return schema.Errorf(schema.Conflict,
			"Twilio streams the events of account %s to callstream; remove the event sinks first, then change the account", r.row.AccountSID)
	}
	if err := r.token("auth_token", &r.row.Token, c.AuthToken, d); err != nil {
		return err
	}
	if err := r.token("secondary_auth_token", &r.row.Secondary, c.SecondaryAuthToken, d); err != nil {
		return err
	}
	region, edge := value(r.row.Region), value(r.row.Edge)
	revise(r, "account_sid", &r.row.AccountSID, c.AccountSID)
	revise(r, "region", &region, c.Region)
	revise(r, "edge", &edge, c.Edge)
	r.row.Region, r.row.Edge = known(region), known(edge)
	revise(r, "call_recording_enabled", &r.row.Recording, c.RecordingEnabled)
	revise(r, "transcription_enabled", &r.row.Transcription, c.TranscriptionEnabled)
	revise(r, "unexpected_recordings", &r.row.Unexpected, c.Unexpected)
	revise(r, "delete_from_twilio", &r.row.Delete, c.Delete)
	return nil
}

// revise sets what is called so, unless to is nil or the same.
func revise[T comparable](r *revision, what string, held, to *T) {
	if to == nil || *held == *to {
		return
	}
	r.detail[what] = map[string]any{"from": *held, "to": *to}
	*held = *to
}

// token is revise for a sealed token; an empty one removes it. One that is the
// same but under a key that is on its way out is sealed again, which is no
// change. One that no key opens any more is not the same.
func (r *revision) token(what string, held *[]byte, to *string, d *DB) error {
	switch {
	case to == nil || *to == "" && *held == nil:
		return nil
	case *to == "":
		*held, r.detail[what] = nil, "removed"
		return nil
	}
	same := false
	if *held != nil {
		before, err := d.open(*held, r.row.OrganizationID)
		if errors.Is(err, errNoSealer) {
			return err
		}
		if same = err == nil && before == *to; same && d.sealer.Current(*held) {
			return nil
		}
	}
	sealed, err := d.seal(*to, r.row.OrganizationID)
	if err != nil {
		return err
	}
	switch {
	case same:
		r.resealed = true
	case *held == nil:
		r.detail[what] = "set"
	default:
		r.detail[what] = "replaced"
	}
	*held = sealed
	return nil
}
