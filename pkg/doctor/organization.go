package doctor

import (
	"context"
	"slices"

	"github.com/loquent/callstream/schema"
)

const settingsAccount topic = "settings.account"

// tenant is an organization as it is stored.
type tenant struct {
	settings schema.Settings
	account  schema.Account
	numbers  []schema.PhoneNumber
}

// Organization checks an organization's settings and its Twilio account as it
// is at Twilio, and yields as [Doctor.System] does. Without settings there is
// nothing else to check, and without credentials that Twilio takes nothing else
// at Twilio.
func (d *Doctor) Organization(ctx context.Context, orgID string, yield func(schema.Finding)) {
	tell := func(f schema.Finding) {
		f.OrganizationID = orgID
		yield(f)
	}
	var o tenant
	loaded := false
	load := check{settingsAccount, "The database", d.config.Timeout, one(func(ctx context.Context) schema.Finding { return d.load(ctx, orgID, &o) })}
	examine(ctx, []check{load}, func(f schema.Finding) {
		loaded = f.Severity == schema.SeverityOK
		concealing(tell, d.config.Conceal)(f)
	})
	if !loaded {
		return
	}
	tell = concealing(tell, slices.Concat(d.config.Conceal, o.account.AuthTokens))
	letIn := false
	examine(ctx, d.credentials(o), func(f schema.Finding) {
		letIn = f.Severity != schema.SeverityFailed
		tell(f)
	})
	checks := d.stored(o)
	if letIn {
		checks = append(checks, d.atTwilio(orgID, o)...)
	}
	examine(ctx, checks, tell)
}

// load reads what is stored of the organization into o, which holds only once
// the finding is ok.
func (d *Doctor) load(ctx context.Context, orgID string, o *tenant) schema.Finding {
	if d.config.Settings == nil {
		return settingsAccount.warning("Set DATABASE_URL and CALLSTREAM_SECRET_KEY to check it.", "No database with settings is configured here.")
	}
	var err error
	if o.settings, err = d.config.Settings.Settings(ctx, orgID); err == nil {
		o.account, err = d.config.Settings.AccountByOrganization(ctx, orgID)
	}
	if err == nil {
		o.numbers, err = d.config.Settings.PhoneNumbers(ctx, orgID)
	}
	switch schema.CodeOf(err) {
	case "":
		return settingsAccount.ok("The organization has Twilio account %s.", o.settings.AccountSID)
	case schema.NotFound:
		return settingsAccount.failed("Enter them: `callstream settings credentials`, or PATCH /api/twilio/settings with account_sid and auth_token.",
			"The organization has no Twilio account SID and auth token yet.")
	case schema.Unavailable:
		return settingsAccount.failed("Make the database answer first.", "The settings cannot be read: %s.", why(err))
	}
	return settingsAccount.failed(
		"Put the key that sealed the auth token back into CALLSTREAM_SECRET_KEY, behind the present one and a comma; if it is lost, enter the token again: `callstream settings credentials`, or PATCH /api/twilio/settings with auth_token.",
		"The settings cannot be read: %s.", why(err))
}

// stored are the checks of what is stored alone.
func (d *Doctor) stored(o tenant) []check {
	say := func(of topic, look func() []schema.Finding) check {
		return check{of, "The organization", d.config.Timeout, func(context.Context) []schema.Finding { return look() }}
	}
	return []check{
		say(secondaryToken, func() []schema.Finding { return []schema.Finding{checkSecondary(o.settings)} }),
		say(recordingSwitch, func() []schema.Finding { return []schema.Finding{checkSwitch(o)} }),
		say(eventsTested, func() []schema.Finding { return checkTested(o.settings) }),
	}
}

// atTwilio are the checks that ask Twilio.
func (d *Doctor) atTwilio(orgID string, o tenant) []check {
	c, limit := d.config, d.config.Timeout
	var checks []check
	ask := func(of topic, run func(context.Context) []schema.Finding) {
		checks = append(checks, check{of, "Twilio", limit, run})
	}
	if c.Accounts != nil {
		ask(numbersKnown, func(ctx context.Context) []schema.Finding { return checkNumbers(ctx, c.Accounts, o, c.BaseURL) })
	}
	ask(eventsSinks, func(ctx context.Context) []schema.Finding { return checkSinks(ctx, c.Sinks, orgID) })
	if c.Accounts != nil {
		ask(insightsAdvanced, one(func(ctx context.Context) schema.Finding { return checkInsights(ctx, c.Accounts, o.account) }))
	}
	ask(mediaStorage, func(ctx context.Context) []schema.Finding { return checkMedia(ctx, c.Media, o.account) })
	return checks
}
