package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// settingsCommand looks after an organization's Twilio settings.
type settingsCommand struct {
	Show        settingsShow        `cmd:"" help:"Show the settings; tokens are never shown."`
	Set         settingsSet         `cmd:"" help:"Change settings; recording follows with the next call, in every process."`
	Credentials settingsCredentials `cmd:"" help:"Enter the Twilio account and its auth tokens."`
}

// Help shows how to run it.
func (settingsCommand) Help() string {
	return `Examples:
  TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=... callstream settings credentials
  callstream settings set --recording on
  callstream settings show

To rotate a token without losing a webhook: make a secondary token at Twilio,
enter it (TWILIO_SECONDARY_AUTH_TOKEN=... callstream settings credentials), let
Twilio promote it, then: callstream settings credentials --promote`
}

type settingsShow struct {
	orgConfig
	listConfig
}

// Run prints the settings.
func (c *settingsShow) Run(ctx context.Context, proc *process) error {
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		s, err := p.db.Settings(ctx, org.ID)
		if err != nil {
			return fmt.Errorf("read settings: %w", err)
		}
		return c.print(proc.stdout, s, "SETTING VALUE", settingsRows(s))
	})
}

func settingsRows(s schema.Settings) [][]string {
	return [][]string{
		{"account_sid", s.AccountSID},
		{"auth_token", "stored"},
		{"secondary_auth_token", map[bool]string{true: "stored", false: "-"}[s.SecondaryToken]},
		{"region, edge", orNone(s.Region) + ", " + orNone(s.Edge)},
		{"call_recording_enabled", turnedText(s)},
		{"transcription_enabled", switchText(s.TranscriptionEnabled)},
		{"unexpected_recordings", string(s.Unexpected)},
		{"delete_from_twilio", string(s.Delete)},
		{"call events", streamingText(s.CallEvents)},
		{"sms events", streamingText(s.SMSEvents)},
	}
}

func switchText(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// turnedText says where the recording switch is, since when, and who turned it.
func turnedText(s schema.Settings) string {
	text := switchText(s.RecordingEnabled) + " since " + s.RecordingSince.UTC().Format(time.RFC3339)
	if s.RecordingBy != "" {
		text += ", by " + string(s.RecordingBy)
	}
	return text
}

func streamingText(e schema.EventStreaming) string {
	if !e.Active {
		return "not set up"
	}
	text := "active, sink " + e.SinkSID + ", subscription " + e.SubscriptionSID
	if e.TestedAt != nil {
		text += ", test event arrived " + e.TestedAt.UTC().Format(time.RFC3339)
	}
	return text
}

type settingsSet struct {
	Recording     string `name:"recording" enum:"on,off," default:"" placeholder:"on|off" help:"Whether callstream records calls."`
	Transcription string `name:"transcription" enum:"on,off," default:"" placeholder:"on|off" help:"Whether recordings are transcribed."`
	Unexpected    string `name:"unexpected" enum:"process,quarantine," default:"" placeholder:"process|quarantine" help:"What happens to audio that the account's own set-up recorded while recording was off."`
	Delete        string `name:"delete" enum:"archived,own,never," default:"" placeholder:"archived|own|never" help:"Which recordings are removed at Twilio once their copy is proven."`
	orgConfig
}

// Run changes what is named.
func (c *settingsSet) Run(ctx context.Context, proc *process) error {
	change := schema.SettingsChange{
		RecordingEnabled:     onOff(c.Recording),
		TranscriptionEnabled: onOff(c.Transcription),
		Unexpected:           given(schema.Unexpected(c.Unexpected)),
		Delete:               given(schema.DeletePolicy(c.Delete)),
	}
	if change == (schema.SettingsChange{}) {
		return errors.New("nothing to change: name a setting, for instance --recording on")
	}
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		s, err := p.db.ChangeSettings(ctx, org.ID, change)
		if err != nil {
			return fmt.Errorf("change settings: %w", err)
		}
		return listConfig{}.print(proc.stdout, s, "SETTING VALUE", settingsRows(s))
	})
}

// given returns a pointer to value, nil where it is empty.
func given[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}

type settingsCredentials struct {
	AccountSID  string `name:"account-sid" env:"TWILIO_ACCOUNT_SID" placeholder:"AC..." help:"The account."`
	AuthToken   string `name:"auth-token" env:"TWILIO_AUTH_TOKEN" placeholder:"TOKEN" help:"Its primary auth token; better as a variable, which no list of processes shows."`
	Secondary   string `name:"secondary-auth-token" env:"TWILIO_SECONDARY_AUTH_TOKEN" placeholder:"TOKEN" help:"Its secondary token, accepted too while tokens are rotated."`
	NoSecondary bool   `name:"no-secondary" help:"Forget the secondary token."`
	Promote     bool   `name:"promote" help:"The secondary token has become the primary one."`
	Region      string `name:"region" placeholder:"ie1" help:"Twilio region of the account's calls; us1 without it."`
	Edge        string `name:"edge" placeholder:"dublin" help:"Twilio edge through which to reach the region."`
	Unchecked   bool   `name:"unchecked" help:"Do not ask Twilio whether they are right."`
	orgConfig
	twilioConfig
}

// Run asks Twilio whether the credentials are right, then stores them.
func (c *settingsCredentials) Run(ctx context.Context, proc *process) error {
	variables := c.variables()
	variables["TWILIO_API_URL"] = &c.TwilioAPIURL
	if err := c.fill("DATABASE_URL", variables); err != nil {
		return err
	}
	return c.administer(ctx, proc, func(p *parts, org schema.Organization) error {
		change, err := c.change(ctx, p, org.ID)
		if err != nil {
			return err
		}
		if err := p.openTwilio(c.twilioConfig); err != nil {
			return err
		}
		if !c.Unchecked {
			if err := (credentials{p}).CheckCredentials(ctx, org.ID, change); err != nil {
				return fmt.Errorf("%w; --unchecked stores them all the same", err)
			}
		}
		s, err := p.db.ChangeSettings(ctx, org.ID, change)
		if err != nil {
			return fmt.Errorf("store credentials: %w", err)
		}
		return listConfig{}.print(proc.stdout, s, "SETTING VALUE", settingsRows(s))
	})
}

// change is what the flags ask for.
func (c *settingsCredentials) change(ctx context.Context, p *parts, org string) (schema.SettingsChange, error) {
	change := schema.SettingsChange{
		AccountSID: given(c.AccountSID), AuthToken: given(c.AuthToken), SecondaryAuthToken: given(c.Secondary),
		Region: given(c.Region), Edge: given(c.Edge),
	}
	none := ""
	switch {
	case c.Promote:
		account, err := p.db.AccountByOrganization(ctx, org)
		if err != nil {
			return change, fmt.Errorf("look up the Twilio account: %w", err)
		}
		if len(account.AuthTokens) < 2 {
			return change, schema.Errorf(schema.Invalid, "there is no secondary token to promote; enter it first")
		}
		change.AuthToken, change.SecondaryAuthToken = &account.AuthTokens[1], &none
	case c.NoSecondary:
		change.SecondaryAuthToken = &none
	}
	if change == (schema.SettingsChange{}) {
		return change, errors.New("nothing to change: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
	}
	return change, nil
}
