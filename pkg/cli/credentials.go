package cli

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// credentials asks Twilio about an account before it is stored.
type credentials struct{ *parts }

// CheckCredentials returns [schema.Invalid] when Twilio says that the account,
// as it would be after the change, cannot be used. When it says nothing of the
// kind, or nothing at all, that is for doctor to find out: who rotates a token
// must not wait for Twilio.
func (c credentials) CheckCredentials(ctx context.Context, org string, change schema.SettingsChange) error {
	account, err := c.db.AccountByOrganization(ctx, org)
	if err != nil && schema.CodeOf(err) != schema.NotFound {
		return fmt.Errorf("look up the Twilio account: %w", err)
	}
	account.OrganizationID = org
	_, err = c.twilio.FetchAccount(ctx, change.Apply(account))
	switch schema.CodeOf(err) {
	case "":
	case schema.Unauthorized, schema.Forbidden, schema.NotFound, schema.Invalid:
		return schema.Errorf(schema.Invalid, "the credentials were not stored, because Twilio does not accept them: %w", err)
	default:
		c.log.WarnContext(ctx, "Twilio could not be asked about new credentials", "org", org, "error", err)
	}
	return nil
}
