package doctor

import (
	"context"
	"strings"

	"github.com/loquent/callstream/schema"
)

const (
	twilioLogin    topic = "twilio.credentials"
	secondaryToken topic = "twilio.secondary_token"
)

// credentials is the check on which all others at Twilio depend.
func (d *Doctor) credentials(o tenant) []check {
	return []check{{twilioLogin, "Twilio", d.config.Timeout, one(func(ctx context.Context) schema.Finding {
		return checkCredentials(ctx, d.config.Accounts, o)
	})}}
}

// checkCredentials looks whether Twilio lets the account in, and in what state
// the account is.
func checkCredentials(ctx context.Context, accounts Accounts, o tenant) schema.Finding {
	if accounts == nil {
		return twilioLogin.warning("Run the doctor where Twilio can be reached.", "No way to Twilio is configured here.")
	}
	at, err := accounts.FetchAccount(ctx, o.account)
	if err != nil {
		return unaccepted(o.settings, err)
	}
	name := o.settings.AccountSID
	if at.Name != "" {
		name += " (" + at.Name + ")"
	}
	switch status := strings.ToLower(at.Status); {
	case status == "suspended":
		return twilioLogin.failed("See the Twilio console for why, most often an unpaid bill; until then it makes no calls and delivers no events.",
			"Twilio has suspended account %s.", name)
	case status == "closed":
		return twilioLogin.failed("Enter another account: `callstream settings credentials`, or PATCH /api/twilio/settings with account_sid and auth_token.",
			"Account %s is closed.", name)
	case status != "active":
		return twilioLogin.warning("See the account in the Twilio console.", "Account %s is %q, where active was expected.", name, at.Status)
	case strings.EqualFold(at.Type, "trial"):
		return twilioLogin.warning("Upgrade the account in the Twilio console before customers call.",
			"Account %s is a trial account: it calls verified numbers only and plays Twilio's notice first.", name)
	}
	return twilioLogin.ok("Twilio accepts the credentials of account %s, which is active.", name)
}

func unaccepted(s schema.Settings, err error) schema.Finding {
	const detail = "Twilio cannot be asked for account %s: %s."
	switch schema.CodeOf(err) {
	case schema.Unauthorized, schema.Forbidden:
		return twilioLogin.failed(
			"Enter the account's present auth token: `callstream settings credentials`, or PATCH /api/twilio/settings with auth_token. An API key does not do: only the auth token checks signatures. "+adviseRegion(s),
			"Twilio refuses the credentials of account %s: %s.", s.AccountSID, why(err))
	case schema.NotFound:
		return twilioLogin.failed(
			"Compare the account SID with the Twilio console's, and enter it with its token: `callstream settings credentials`, or PATCH /api/twilio/settings with account_sid and auth_token. "+adviseRegion(s),
			"Twilio has no account %s: %s.", s.AccountSID, why(err))
	case schema.Invalid:
		return twilioLogin.failed("Correct what is said to be wrong: `callstream settings credentials`, or PATCH /api/twilio/settings. "+adviseRegion(s),
			"The settings of account %s cannot be right: %s.", s.AccountSID, why(err))
	case schema.RateLimited:
		return twilioLogin.failed("Try again in a minute, and look for what else uses the account so much.", detail, s.AccountSID, why(err))
	case schema.Unavailable:
		return twilioLogin.failed(
			"Let this machine connect to Twilio's API by https; see https://status.twilio.com. "+adviseRegion(s), detail, s.AccountSID, why(err))
	}
	return twilioLogin.failed("See Twilio's words; they name the setting in its console.", detail, s.AccountSID, why(err))
}

// adviseRegion says what a region has to do with it: each of Twilio's regions
// has auth tokens of its own.
func adviseRegion(s schema.Settings) string {
	if s.Region == "" {
		return "If the account works in another of Twilio's regions than us1, set region and edge (as ie1 and dublin) and that region's token: each has its own."
	}
	return "The token has to be that of region " + s.Region + ", since each region has its own, and the edge has to serve that region; without region and edge it is us1's."
}

// checkSecondary reminds of a rotation that was begun.
func checkSecondary(s schema.Settings) schema.Finding {
	if !s.SecondaryToken {
		return secondaryToken.ok("One auth token is set; no rotation is under way.")
	}
	return secondaryToken.warning(
		"Finish the rotation: promote the new token in the Twilio console, then `callstream settings credentials --promote`, or PATCH /api/twilio/settings with it as auth_token and with an empty secondary_auth_token.",
		"A secondary auth token is set: until the rotation is finished, either token signs.")
}
