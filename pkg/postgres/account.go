package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loquent/callstream/schema"
)

// accountRow is an organization's Twilio settings.
type accountRow struct {
	OrganizationID string              `db:"organization_id"`
	AccountSID     string              `db:"account_sid"`
	Token          []byte              `db:"auth_token"`
	Secondary      []byte              `db:"secondary_auth_token"`
	Region         *string             `db:"region"`
	Edge           *string             `db:"edge"`
	Recording      bool                `db:"call_recording_enabled"`
	Transcription  bool                `db:"transcription_enabled"`
	Unexpected     schema.Unexpected   `db:"unexpected_recordings"`
	Delete         schema.DeletePolicy `db:"delete_from_twilio"`
}

const accountColumns = `organization_id, account_sid, auth_token, secondary_auth_token, region, edge,
	call_recording_enabled, transcription_enabled, unexpected_recordings, delete_from_twilio`

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
		OrganizationID: row.OrganizationID, AccountSID: row.AccountSID, Region: value(row.Region), Edge: value(row.Edge),
		RecordingEnabled: row.Recording, TranscriptionEnabled: row.Transcription,
		Unexpected: row.Unexpected, Delete: row.Delete,
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

// seal is the token as the organization's row holds it.
func (d *DB) seal(token, orgID string) ([]byte, error) {
	if d.sealer == nil {
		return nil, errNoSealer
	}
	sealed, err := d.sealer.Seal([]byte(token), []byte(orgID))
	if err != nil {
		return nil, fmt.Errorf("seal token: %w", err)
	}
	return sealed, nil
}

// SaveTwilioAccount stores account, tokens, region, edge and policies, an empty
// one being the default; without a secondary token there is none any more. The
// recording switch is not among them: only [DB.SetRecordingEnabled] and
// [DB.ChangeSettings] turn it. Errors are those of ChangeSettings.
func (d *DB) SaveTwilioAccount(ctx context.Context, a schema.Account) error {
	if n := len(a.AuthTokens); n < 1 || n > 2 || slices.Contains(a.AuthTokens, "") {
		return schema.Errorf(schema.Invalid, "an account has a primary auth token, and at most a secondary one, neither empty")
	}
	secondary := append(slices.Clone(a.AuthTokens), "")[1]
	unexpected, deletion := cmp.Or(a.Unexpected, schema.UnexpectedProcess), cmp.Or(a.Delete, schema.DeleteArchived)
	_, err := d.ChangeSettings(ctx, a.OrganizationID, schema.SettingsChange{
		AccountSID: &a.AccountSID, AuthToken: &a.AuthTokens[0], SecondaryAuthToken: &secondary, Region: &a.Region, Edge: &a.Edge,
		TranscriptionEnabled: &a.TranscriptionEnabled, Unexpected: &unexpected, Delete: &deletion,
	})
	return err
}

// SetRecordingEnabled switches recording on or off from the next look-up on;
// [schema.NotFound] when the organization has no Twilio settings.
func (d *DB) SetRecordingEnabled(ctx context.Context, orgID string, on bool) error {
	_, err := d.ChangeSettings(ctx, orgID, schema.SettingsChange{RecordingEnabled: &on})
	if errors.Is(err, errNoSettings) {
		return schema.Errorf(schema.NotFound, "organization %s has no Twilio settings", orgID)
	}
	return err
}
