package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// RotateSecrets seals every Twilio token that is not under the first key again,
// under it, and returns how many there were: after a run without an error the
// other keys can go. It does one organization after the other, each by itself,
// so that it may be interrupted and repeated; what is changed meanwhile stays
// changed. A token that no key opens hinders only itself: it is named in the
// error, which is then [schema.Invalid] or [schema.Corrupt].
//
// A process that still has the old key first may seal with it meanwhile:
// restart all of them before.
func (d *DB) RotateSecrets(ctx context.Context) (resealed int, err error) {
	if d.sealer == nil {
		return 0, errNoSealer
	}
	var organizations []string
	err = d.x.SelectContext(ctx, &organizations, `SELECT organization_id FROM organization_twilio_settings ORDER BY organization_id`)
	if err != nil {
		return 0, classify("list Twilio settings", err)
	}
	var problems []error
	for _, org := range organizations {
		n, err := d.reseal(ctx, org)
		if schema.CodeOf(err) == schema.Unavailable {
			return resealed, err
		}
		resealed += n
		problems = append(problems, err)
	}
	return resealed, errors.Join(problems...)
}

// reseal does so for one organization, whose settings nobody changes meanwhile,
// and returns how many tokens there were. One that was removed has none.
func (d *DB) reseal(ctx context.Context, org string) (n int, err error) {
	err = d.administer(ctx, "seal the tokens of organization "+org, org, func(a act) error {
		n = 0 // the transaction may be a repeat
		row, err := readSettings(ctx, a.Tx, a.org)
		if err != nil {
			return err
		}
		detail := map[string]any{}
		for what, held := range map[string]*[]byte{"auth_token": &row.Token, "secondary_auth_token": &row.Secondary} {
			if *held == nil || d.sealer.Current(*held) {
				continue
			}
			token, err := d.open(*held, a.org)
			if err != nil {
				return fmt.Errorf("open the %s: %w", what, err)
			}
			if *held, err = d.seal(token, a.org); err != nil {
				return err
			}
			detail[what] = "sealed again"
		}
		if n = len(detail); n == 0 {
			return nil
		}
		if _, err := a.saveSettings(ctx, row); err != nil {
			return err
		}
		return a.log(ctx, "secrets.rotate", row.AccountSID, detail)
	})
	switch {
	case schema.CodeOf(err) == schema.NotFound:
		return 0, nil
	case err != nil:
		return 0, err
	}
	return n, nil
}
