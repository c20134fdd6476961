package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/loquent/callstream/schema"
)

// errNoSettings is what comes of a change to what is not there.
var errNoSettings = errors.New("it has no Twilio settings yet: give its account_sid and auth_token first")

// ChangeSettings changes what c names of the organization's Twilio settings and
// returns them as they are then; the first change, which has account SID and
// token, makes them. [schema.Invalid] without these, or for a value that no
// setting takes; [schema.Conflict] when the account is another organization's,
// or is to change while Twilio streams its events to callstream.
func (d *DB) ChangeSettings(ctx context.Context, orgID string, c schema.SettingsChange) (schema.Settings, error) {
	if err := checkChange(c); err != nil {
		return schema.Settings{}, err
	}
	var row settingsRow
	err := d.administer(ctx, "change the settings of organization "+orgID, orgID, func(a act) error {
		r, err := a.revision(ctx, c)
		if err != nil {
			return err
		}
		if err := r.apply(c, d); err != nil {
			return err
		}
		row = r.row
		if !r.resealed && len(r.detail) == 0 {
			return nil
		}
		if row, err = a.saveSettings(ctx, r.row); err != nil || len(r.detail) == 0 {
			return err
		}
		return a.log(ctx, r.action, row.AccountSID, r.detail)
	})
	if err != nil {
		return schema.Settings{}, err
	}
	return row.settings(), nil
}

// checkChange returns an [schema.Invalid] error for a value that no setting
// takes.
func checkChange(c schema.SettingsChange) error {
	if c.AccountSID != nil {
		if err := schema.CheckSID("account_sid", *c.AccountSID, schema.AccountPrefix); err != nil {
			return err
		}
	}
	switch {
	case c.AuthToken != nil && *c.AuthToken == "":
		return schema.Errorf(schema.Invalid, "auth_token is empty, and an account has one")
	case !printable(value(c.AuthToken)) || !printable(value(c.SecondaryAuthToken)):
		return schema.Errorf(schema.Invalid, "an auth token holds spaces, line ends or other characters that Twilio's have not")
	case !label(value(c.Region)) || !label(value(c.Edge)):
		return schema.Errorf(schema.Invalid, "region %q or edge %q is not a name like ie1 or dublin", value(c.Region), value(c.Edge))
	case c.Unexpected != nil && *c.Unexpected != schema.UnexpectedProcess && *c.Unexpected != schema.UnexpectedQuarantine:
		return schema.Errorf(schema.Invalid, "unexpected_recordings is process or quarantine, not %q", *c.Unexpected)
	case c.Delete != nil && *c.Delete != schema.DeleteArchived && *c.Delete != schema.DeleteOwn && *c.Delete != schema.DeleteNever:
		return schema.Errorf(schema.Invalid, "delete_from_twilio is archived, own or never, not %q", *c.Delete)
	}
	return nil
}

// printable reports whether s is nothing but visible ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f })
}

// label reports whether s is empty or may be a label of a host's name, which
// regions and edges become a part of.
func label(s string) bool {
	return len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}

// revision begins the revision of the organization's settings: of the defaults when
// c is the change that makes them.
func (a act) revision(ctx context.Context, c schema.SettingsChange) (*revision, error) {
	row, err := readSettings(ctx, a.Tx, a.org)
	switch {
	case err == nil:
		return &revision{row: row, action: "settings.update", detail: map[string]any{}}, nil
	case schema.CodeOf(err) != schema.NotFound:
		return nil, err
	case c.AccountSID == nil || c.AuthToken == nil:
		return nil, schema.Errorf(schema.Invalid, "organization %s: %w", a.org, errNoSettings)
	}
	row = settingsRow{accountRow: accountRow{
		OrganizationID: a.org, Transcription: true, Unexpected: schema.UnexpectedProcess, Delete: schema.DeleteArchived,
	}}
	return &revision{row: row, action: "settings.create", detail: map[string]any{}}, nil
}

// saveSettings writes the row and returns it as it is stored. The switch's time
// and actor are those of when it turned last.
func (a act) saveSettings(ctx context.Context, r settingsRow) (stored settingsRow, err error) {
	err = a.GetContext(ctx, &stored, `
		INSERT INTO organization_twilio_settings AS s
			(organization_id, account_sid, auth_token, secondary_auth_token, region, edge, call_recording_enabled,
			call_recording_enabled_at, call_recording_enabled_by, transcription_enabled, unexpected_recordings, delete_from_twilio)
		VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $11, $8, $9, $10)
		ON CONFLICT (organization_id) DO UPDATE SET
			account_sid = EXCLUDED.account_sid, auth_token = EXCLUDED.auth_token, secondary_auth_token = EXCLUDED.secondary_auth_token,
			region = EXCLUDED.region, edge = EXCLUDED.edge, call_recording_enabled = EXCLUDED.call_recording_enabled,
			call_recording_enabled_at = CASE WHEN s.call_recording_enabled = EXCLUDED.call_recording_enabled
				THEN s.call_recording_enabled_at ELSE EXCLUDED.call_recording_enabled_at END,
			call_recording_enabled_by = CASE WHEN s.call_recording_enabled = EXCLUDED.call_recording_enabled
				THEN s.call_recording_enabled_by ELSE EXCLUDED.call_recording_enabled_by END,
			transcription_enabled = EXCLUDED.transcription_enabled, unexpected_recordings = EXCLUDED.unexpected_recordings,
			delete_from_twilio = EXCLUDED.delete_from_twilio, updated_at = clock_timestamp()
		RETURNING `+settingsColumns,
		r.OrganizationID, r.AccountSID, r.Token, r.Secondary, r.Region, r.Edge, r.Recording, r.Transcription, r.Unexpected, r.Delete,
		storable(string(schema.ActorOf(ctx))))
	if stateOf(err) == unique {
		return stored, schema.Errorf(schema.Conflict, "account %s belongs to another organization", r.AccountSID)
	}
	return stored, err
}
