package simulator

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// Config is what a [Simulator] is made from.
type Config struct {
	Dir  string // where the journal is kept; empty: in memory only
	Seed uint64 // decides everything that is left to chance

	Speed         float64         // how much faster than the clock calls pass; 0: 1, as in life
	InsightsDelay time.Duration   // from hang-up to the summary, at speed 1; 0: 20 s, where Twilio takes up to 30 min
	Calls         int             // how many calls are placed in all; 0: endlessly
	Rate          float64         // calls placed per second; 0: 1
	Enough        <-chan struct{} // closed: no further calls are placed, and Run ends as after the last; nil: never
	Faults        Faults

	AccountSID     string
	AuthToken      string
	OrganizationID string
	Numbers        []string // the organization's telephone numbers, E.164; at least one

	Target string // callstream's public base URL: what webhooks are addressed to, and signed for
	Dial   string // where it is really reached, host:port or a URL; empty: at Target

	// VoiceURL is asked how to answer calls to VoiceNumbers, as a number's voice
	// URL at Twilio is; a path is below Target. Requests to the REST API set other
	// URLs. Calls to numbers without one are answered by the script.
	VoiceURL     string
	VoiceNumbers []string // empty: all Numbers

	Account Traits // zero: an account like most

	// TranscriptsKnown says that the transcripts come from the simulator's own
	// transcription API, so that Verify compares their words too.
	TranscriptsKnown bool

	Logger *slog.Logger // nil: silent
}

// withDefaults fills what was left out and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	if err := schema.CheckSID("account", c.AccountSID, schema.AccountPrefix); err != nil {
		return c, err
	}
	if c.AuthToken == "" || c.OrganizationID == "" || len(c.Numbers) == 0 {
		return c, schema.Errorf(schema.Invalid, "the simulator needs an auth token, an organization and at least one number")
	}
	if c.Speed < 0 || c.Rate < 0 || c.Calls < 0 {
		return c, schema.Errorf(schema.Invalid, "the simulator's speed, rate and number of calls cannot be negative")
	}
	c.Speed = orDefault(c.Speed, 1)
	c.Rate = orDefault(c.Rate, 1)
	c.InsightsDelay = orDefault(c.InsightsDelay, 20*time.Second)
	c.Target = strings.TrimSuffix(c.Target, "/")
	if u, err := url.Parse(c.Target); err != nil || u.Host == "" {
		return c, schema.Errorf(schema.Invalid, "the simulator's target %q is no URL", c.Target)
	}
	for _, number := range c.VoiceNumbers {
		if !slices.Contains(c.Numbers, number) {
			return c, schema.Errorf(schema.Invalid, "%s is not one of the simulator's numbers %v", number, c.Numbers)
		}
	}
	if strings.HasPrefix(c.VoiceURL, "/") {
		c.VoiceURL = c.Target + c.VoiceURL
	}
	if c.Dial != "" && !strings.Contains(c.Dial, "://") {
		c.Dial = "http://" + c.Dial
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
