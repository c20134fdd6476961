package doctor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/schema"
)

const (
	accountSID   = "AC00000000000000000000000000000001"
	recordingSID = "RE00000000000000000000000000000001"
	token        = "0123456789abcdef0123456789abcdef"
	base         = "https://calls.example.com"
)

var at = time.Date(2026, 3, 4, 18, 15, 40, 0, time.UTC)

// office is an organization and its account at Twilio, as a test wants them.
// The zero funcs answer as a healthy one does.
type office struct {
	settings   schema.Settings
	loadErr    error
	tokenErr   error
	numbers    []schema.PhoneNumber
	fetch      func(ctx context.Context) (schema.TwilioAccount, error)
	list       func() ([]schema.TwilioNumber, error)
	advanced   func() (bool, error)
	latest     func() (*schema.LatestMedia, error)
	public     func() (bool, error)
	checkSinks func() ([]schema.Finding, error)
}

// healthy is one in which nothing is to be said against anything.
func healthy() *office {
	number := func(s string) schema.TwilioNumber { return schema.TwilioNumber{Number: s} }
	return &office{
		settings: schema.Settings{
			AccountSID: accountSID, RecordingEnabled: true, RecordingSince: at,
			CallEvents: schema.EventStreaming{Active: true, TestedAt: &at},
		},
		numbers: []schema.PhoneNumber{{Number: "+15550001111"}},
		fetch: func(context.Context) (schema.TwilioAccount, error) {
			return schema.TwilioAccount{SID: accountSID, Name: "Acme", Status: "active", Type: "Full"}, nil
		},
		list:     func() ([]schema.TwilioNumber, error) { return []schema.TwilioNumber{number("+15550001111")}, nil },
		advanced: func() (bool, error) { return true, nil },
		latest: func() (*schema.LatestMedia, error) {
			return &schema.LatestMedia{Recording: schema.RecordingFacts{RecordingSID: recordingSID, Status: schema.RecordingCompleted}}, nil
		},
		public: func() (bool, error) { return false, nil },
		checkSinks: func() ([]schema.Finding, error) {
			return []schema.Finding{{Check: "events.call", Severity: schema.SeverityOK, Detail: "As it should be."}}, nil
		},
	}
}

func (o *office) Settings(context.Context, string) (schema.Settings, error) {
	return o.settings, o.loadErr
}

func (o *office) AccountByOrganization(_ context.Context, orgID string) (schema.Account, error) {
	return schema.Account{OrganizationID: orgID, AccountSID: accountSID, AuthTokens: []string{token}}, o.tokenErr
}

func (o *office) PhoneNumbers(context.Context, string) ([]schema.PhoneNumber, error) {
	return o.numbers, nil
}

func (o *office) FetchAccount(ctx context.Context, _ schema.Account) (schema.TwilioAccount, error) {
	return o.fetch(ctx)
}

func (o *office) ListNumbers(context.Context, schema.Account) ([]schema.TwilioNumber, error) {
	return o.list()
}

func (o *office) InsightsAdvanced(context.Context, schema.Account) (bool, error) {
	return o.advanced()
}

func (o *office) LatestRecording(context.Context, schema.Account) (*schema.LatestMedia, error) {
	return o.latest()
}

func (o *office) MediaPublic(_ context.Context, _ schema.Account, sid string) (bool, error) {
	if sid != recordingSID {
		return false, errors.New("another recording")
	}
	return o.public()
}

func (o *office) Check(context.Context, string) ([]schema.Finding, error) { return o.checkSinks() }

func (o *office) config() doctor.Config {
	return doctor.Config{Settings: o, Accounts: o, Media: o, Sinks: o, BaseURL: base}
}

// examined returns what a doctor finds in the organization.
func examined(t *testing.T, config doctor.Config) []schema.Finding {
	t.Helper()
	var found []schema.Finding
	doctor.New(config).Organization(t.Context(), "org-1", func(f schema.Finding) {
		if f.OrganizationID != "org-1" {
			t.Errorf("%s is of organization %q", f.Check, f.OrganizationID)
		}
		if strings.Contains(f.Detail+f.Advice, token) {
			t.Errorf("%s holds the token: %s %s", f.Check, f.Detail, f.Advice)
		}
		found = append(found, f)
	})
	readable(t, found)
	return found
}

func names(found []schema.Finding) (checks []string) {
	for _, f := range found {
		checks = append(checks, f.Check)
	}
	return checks
}

// Nothing is wrong, and each check says so in its place.
func TestOrganizationHealthy(t *testing.T) {
	t.Parallel()
	found := examined(t, healthy().config())
	for _, f := range found {
		expect(t, f, schema.SeverityOK)
	}
	want := []string{
		"settings.account", "twilio.credentials", "twilio.secondary_token", "recording.switch", "events.test.call",
		"numbers.known", "numbers.account", "numbers.unknown", "numbers.voice", "events.call", "insights.advanced", "media.storage", "media.access",
	}
	if diff := cmp.Diff(want, names(found)); diff != "" {
		t.Error(diff)
	}
	expect(t, about(t, found, "twilio.credentials"), schema.SeverityOK, accountSID, "Acme")
	expect(t, about(t, found, "recording.switch"), schema.SeverityOK, "on since 2026-03-04 18:15:40 UTC")
	expect(t, about(t, found, "events.test.call"), schema.SeverityOK, "2026-03-04 18:15:40 UTC")
}

// Without settings, or without a way into the account, nothing is said of what
// depends on them.
func TestOrganizationStops(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		change func(*office)
		want   []string
		words  []string // of the last
	}{
		"no settings":        {func(o *office) { o.loadErr = schema.Errorf(schema.NotFound, "none") }, []string{"settings.account"}, []string{"account_sid and auth_token"}},
		"no database":        {func(o *office) { o.loadErr = schema.Errorf(schema.Unavailable, "gone") }, []string{"settings.account"}, []string{"gone", "database"}},
		"a token that keeps": {func(o *office) { o.tokenErr = schema.Errorf(schema.Invalid, "no key sealed it") }, []string{"settings.account"}, []string{"CALLSTREAM_SECRET_KEY"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o := healthy()
			test.change(o)
			found := examined(t, o.config())
			if diff := cmp.Diff(test.want, names(found)); diff != "" {
				t.Fatal(diff)
			}
			expect(t, found[len(found)-1], schema.SeverityFailed, test.words...)
		})
	}
}

func TestOrganizationNotConfigured(t *testing.T) {
	t.Parallel()
	expect(t, about(t, examined(t, doctor.Config{}), "settings.account"), schema.SeverityWarning, "configured")
	found := examined(t, doctor.Config{Settings: healthy()})
	for _, check := range []string{"twilio.credentials", "events.sinks", "media.storage"} {
		expect(t, about(t, found, check), schema.SeverityWarning, "configured")
	}
	config := healthy().config()
	config.BaseURL = ""
	expect(t, about(t, examined(t, config), "numbers.voice"), schema.SeverityWarning, "APP_HOST")
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	refused := func(code schema.Code) func(*office) {
		return func(o *office) {
			o.fetch = func(context.Context) (schema.TwilioAccount, error) {
				return schema.TwilioAccount{}, schema.Errorf(code, "Twilio said no to %s", token)
			}
		}
	}
	is := func(status, kind string) func(*office) {
		return func(o *office) {
			o.fetch = func(context.Context) (schema.TwilioAccount, error) {
				return schema.TwilioAccount{Status: status, Type: kind}, nil
			}
		}
	}
	abroad := func(o *office) {
		refused(schema.Unauthorized)(o)
		o.settings.Region, o.settings.Edge = "ie1", "dublin"
	}
	for what, test := range map[string]struct {
		change   func(*office)
		severity schema.Severity
		words    []string
	}{
		"refused":             {refused(schema.Unauthorized), schema.SeverityFailed, []string{"auth_token", "[secret]", "API key", "set region and edge"}},
		"refused in a region": {abroad, schema.SeverityFailed, []string{"that of region ie1"}},
		"no such account":     {refused(schema.NotFound), schema.SeverityFailed, []string{"no account " + accountSID, "region"}},
		"Twilio is away":      {refused(schema.Unavailable), schema.SeverityFailed, []string{"status.twilio.com"}},
		"not a region":        {refused(schema.Invalid), schema.SeverityFailed, []string{"cannot be right", "settings credentials"}},
		"too often":           {refused(schema.RateLimited), schema.SeverityFailed, []string{"Try again"}},
		"odd":                 {refused(schema.Internal), schema.SeverityFailed, []string{"said no"}},
		"suspended":           {is("suspended", "Full"), schema.SeverityFailed, []string{"suspended", "console"}},
		"closed":              {is("closed", "Full"), schema.SeverityFailed, []string{"closed"}},
		"another status":      {is("dormant", "Full"), schema.SeverityWarning, []string{"dormant"}},
		"a trial":             {is("active", "Trial"), schema.SeverityWarning, []string{"trial", "Upgrade"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o := healthy()
			test.change(o)
			found := examined(t, o.config())
			expect(t, about(t, found, "twilio.credentials"), test.severity, test.words...)
			expect(t, about(t, found, "recording.switch"), schema.SeverityOK)
			if asked := said(found, "numbers.known"); asked == (test.severity == schema.SeverityFailed) {
				t.Errorf("what depends on the credentials is told: %v", asked)
			}
		})
	}
}

// Twilio's silence costs one check's time, once.
func TestTwilioSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := healthy()
		o.fetch = func(ctx context.Context) (schema.TwilioAccount, error) {
			<-ctx.Done()
			return schema.TwilioAccount{}, schema.Errorf(schema.Unavailable, "reach Twilio: %w", ctx.Err())
		}
		began := time.Now()
		expect(t, about(t, examined(t, o.config()), "twilio.credentials"), schema.SeverityFailed, "no answer in time")
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// The checks at Twilio run at once: each waits for all others to have begun.
func TestOrganizationConcurrently(t *testing.T) {
	t.Parallel()
	o := healthy()
	begun := make(chan struct{}, 4)
	all := make(chan struct{})
	go func() {
		for range cap(begun) {
			<-begun
		}
		close(all)
	}()
	together := func() { begun <- struct{}{}; <-all }
	list, advanced, latest, sinks := o.list, o.advanced, o.latest, o.checkSinks
	o.list = func() ([]schema.TwilioNumber, error) { together(); return list() }
	o.advanced = func() (bool, error) { together(); return advanced() }
	o.latest = func() (*schema.LatestMedia, error) { together(); return latest() }
	o.checkSinks = func() ([]schema.Finding, error) { together(); return sinks() }
	config := o.config()
	config.Timeout = time.Minute
	for _, f := range examined(t, config) {
		expect(t, f, schema.SeverityOK)
	}
}
