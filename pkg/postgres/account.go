package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// accountRow is an organization's Twilio settings.
type accountRow struct {
	OrganizationID string `db:"organization_id"`
	AccountSID     string `db:"account_sid"`
	Token          []byte `db:"auth_token"`
	Secondary      []byte `db:"secondary_auth_token"`
	Recording      bool   `db:"call_recording_enabled"`
	Transcription  bool   `db:"transcription_enabled"`
	Unexpected     string `db:"unexpected_recordings"`
	Delete         string `db:"delete_from_twilio"`
}

const accountColumns = `organization_id, account_sid, auth_token, secondary_auth_token, call_recording_enabled,
	transcription_enabled, unexpected_recordings, delete_from_twilio`

// AccountByOrganization returns the organization's Twilio account, tokens
// opened; [schema.NotFound] when it has none.
func (d *DB) AccountByOrganization(ctx context.Context, orgID string) (schema.Account, error) {
	return d.account(ctx, "organization "+orgID, `WHERE organization_id = $1`, orgID)
}

// AccountBySID returns the account and whose it is; [schema.NotFound] when it
// is nobody's.
func (d *DB) AccountBySID(ctx context.Context, accountSID string) (schema.Account, error) {
	return d.account(ctx, "account "+accountSID, `WHERE account_sid = $1`, accountSID)
}

func (d *DB) account(ctx context.Context, what, where, arg string) (schema.Account, error) {
	var row accountRow
	err := d.x.GetContext(ctx, &row, `SELECT `+accountColumns+` FROM organization_twilio_settings `+where, arg)
	if err != nil {
		return schema.Account{}, classify("read the Twilio settings of "+what, err)
	}
	a := schema.Account{
		OrganizationID: row.OrganizationID, AccountSID: row.AccountSID,
		RecordingEnabled: row.Recording, TranscriptionEnabled: row.Transcription,
		Unexpected: schema.Unexpected(row.Unexpected), Delete: schema.DeletePolicy(row.Delete),
	}
	for _, sealed := range [][]byte{row.Token, row.Secondary} {
		if sealed == nil {
			continue
		}
		token, err := d.open(sealed, row.OrganizationID)
		if err != nil {
			return schema.Account{}, fmt.Errorf("open the token of %s: %w", what, err)
		}
		a.AuthTokens = append(a.AuthTokens, token)
	}
	return a, nil
}

// errNoSealer is what a process without CALLSTREAM_SECRET_KEY is told.
var errNoSealer = errors.New("this process has no CALLSTREAM_SECRET_KEY")

func (d *DB) open(sealed []byte, orgID string) (string, error) {
	if d.sealer == nil {
		return "", errNoSealer
	}
	token, err := d.sealer.Open(sealed, []byte(orgID))
	return string(token), err
}

// SaveTwilioAccount stores account, tokens and policies, an empty policy being
// the default one. The recording switch is not among them: only
// [DB.SetRecordingEnabled] turns it. [schema.Conflict] when the account is
// another organization's.
func (d *DB) SaveTwilioAccount(ctx context.Context, a schema.Account) error {
	if err := schema.CheckSID("account", a.AccountSID, schema.AccountPrefix); err != nil {
		return err
	}
	if n := len(a.AuthTokens); n < 1 || n > 2 || slices.Contains(a.AuthTokens, "") {
		return schema.Errorf(schema.Invalid, "an account has a primary auth token, and at most a secondary one, neither empty")
	}
	if d.sealer == nil {
		return errNoSealer
	}
	// Tokens are bound to the id as Postgres writes it, in whatever form it came.
	var org string
	if err := d.x.GetContext(ctx, &org, `SELECT id FROM organization WHERE id = $1`, a.OrganizationID); err != nil {
		return classify("find organization "+a.OrganizationID, err)
	}
	sealed := make([][]byte, 2)
	for i, token := range a.AuthTokens {
		var err error
		if sealed[i], err = d.sealer.Seal([]byte(token), []byte(org)); err != nil {
			return fmt.Errorf("seal token: %w", err)
		}
	}
	_, err := d.x.ExecContext(ctx, `
		INSERT INTO organization_twilio_settings
			(organization_id, account_sid, auth_token, secondary_auth_token, transcription_enabled, unexpected_recordings, delete_from_twilio)
		VALUES ($1, $2, $3, $4, $5, COALESCE(NULLIF($6, ''), 'process'), COALESCE(NULLIF($7, ''), 'archived'))
		ON CONFLICT (organization_id) DO UPDATE SET
			account_sid = EXCLUDED.account_sid, auth_token = EXCLUDED.auth_token,
			secondary_auth_token = EXCLUDED.secondary_auth_token,
			transcription_enabled = EXCLUDED.transcription_enabled,
			unexpected_recordings = EXCLUDED.unexpected_recordings,
			delete_from_twilio = EXCLUDED.delete_from_twilio, updated_at = now()`,
		org, a.AccountSID, sealed[0], sealed[1], a.TranscriptionEnabled, a.Unexpected, a.Delete)
	return classify("save account "+a.AccountSID, err)
}

// SetRecordingEnabled switches recording on or off from the next look-up on;
// [schema.NotFound] when the organization has no Twilio settings.
func (d *DB) SetRecordingEnabled(ctx context.Context, orgID string, on bool) error {
	result, err := d.x.ExecContext(ctx, `
		UPDATE organization_twilio_settings
		SET call_recording_enabled = $2, updated_at = now(),
			call_recording_enabled_at = CASE WHEN call_recording_enabled = $2 THEN call_recording_enabled_at ELSE now() END
		WHERE organization_id = $1`, orgID, on)
	if err != nil {
		return classify("switch recording", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return schema.Errorf(schema.NotFound, "organization %s has no Twilio settings", orgID)
	}
	return nil
}
