package doctor_test

import (
	"errors"
	"testing"

	"github.com/loquent/callstream/schema"
)

// outcome is one change to a healthy organization and what is said of it.
type outcome struct {
	change   func(*office)
	check    string
	severity schema.Severity
	words    []string
}

func (test outcome) run(t *testing.T) {
	t.Parallel()
	o := healthy()
	test.change(o)
	expect(t, about(t, examined(t, o.config()), test.check), test.severity, test.words...)
}

var away = schema.Errorf(schema.Unavailable, "reach Twilio: connection refused")

func TestNumbers(t *testing.T) {
	t.Parallel()
	plan := &schema.VoicePlan{Action: schema.VoiceVoicemail}
	// one is an organization with one number, as it is here and at Twilio.
	one := func(voice *schema.VoicePlan, at schema.TwilioNumber) func(*office) {
		return func(o *office) {
			at.Number = "+15550001111"
			o.numbers = []schema.PhoneNumber{{Number: "+15550001111", Voice: voice}}
			o.list = func() ([]schema.TwilioNumber, error) { return []schema.TwilioNumber{at}, nil }
		}
	}
	bought := func(numbers ...string) func(*office) {
		return func(o *office) {
			o.list = func() (list []schema.TwilioNumber, err error) {
				for _, n := range numbers {
					list = append(list, schema.TwilioNumber{Number: n})
				}
				return list, nil
			}
		}
	}
	for what, test := range map[string]outcome{
		"none here":   {func(o *office) { o.numbers = nil }, "numbers.known", schema.SeverityWarning, []string{"no call would ever be recorded", "POST /api/numbers"}},
		"no answer":   {func(o *office) { o.list = func() ([]schema.TwilioNumber, error) { return nil, away } }, "numbers.account", schema.SeverityWarning, []string{"connection refused", "status.twilio.com"}},
		"not bought":  {bought("+15550009999"), "numbers.account", schema.SeverityWarning, []string{"does not have 1 number", "+15550001111", "SIP trunk"}},
		"none bought": {bought(), "numbers.account", schema.SeverityWarning, []string{"+15550001111"}},
		"more are there": {bought("+15550001111", "+15550000001", "+15550000002", "+15550000003", "+15550000004", "+15550000005", "+15550000006", "+15550000007"),
			"numbers.unknown", schema.SeverityWarning, []string{"7 numbers", "+15550000005 and 2 more"}},
		"addresses": {func(o *office) {
			o.numbers = append(o.numbers, schema.PhoneNumber{Number: "sip:front@example.com"}, schema.PhoneNumber{Number: "client:front"})
		}, "numbers.account", schema.SeverityOK, nil},
		"answered here":           {one(plan, schema.TwilioNumber{VoiceURL: "https://Calls.example.com/twilio/voice?x=1"}), "numbers.voice", schema.SeverityOK, []string{"1 number"}},
		"answered by nobody here": {one(nil, schema.TwilioNumber{VoiceURL: "https://demo.twilio.com/welcome"}), "numbers.voice", schema.SeverityOK, []string{"other systems"}},
		"calls go elsewhere":      {one(plan, schema.TwilioNumber{VoiceURL: "https://demo.twilio.com/welcome"}), "numbers.voice", schema.SeverityWarning, []string{"elsewhere", base + "/twilio/voice"}},
		"calls go nowhere":        {one(plan, schema.TwilioNumber{}), "numbers.voice", schema.SeverityWarning, []string{"+15550001111"}},
		"a trunk takes calls":     {one(plan, schema.TwilioNumber{VoiceURL: base + "/twilio/voice", TrunkSID: "TK1"}), "numbers.voice", schema.SeverityWarning, []string{"trunk"}},
		"calls without a plan":    {one(nil, schema.TwilioNumber{VoiceURL: base + "/twilio/voice"}), "numbers.voice", schema.SeverityWarning, []string{"no voice plan", "PUT /api/numbers"}},
	} {
		t.Run(what, test.run)
	}
}

func TestMedia(t *testing.T) {
	t.Parallel()
	latest := func(change func(*schema.LatestMedia)) func(*office) {
		return func(o *office) {
			m := &schema.LatestMedia{Recording: schema.RecordingFacts{RecordingSID: recordingSID, Status: schema.RecordingCompleted}}
			change(m)
			o.latest = func() (*schema.LatestMedia, error) { return m, nil }
		}
	}
	for what, test := range map[string]outcome{
		"none yet":  {func(o *office) { o.latest = func() (*schema.LatestMedia, error) { return nil, nil } }, "media.storage", schema.SeverityOK, []string{"no recording"}},
		"no answer": {func(o *office) { o.latest = func() (*schema.LatestMedia, error) { return nil, away } }, "media.storage", schema.SeverityWarning, []string{"connection refused"}},
		"encrypted": {latest(func(m *schema.LatestMedia) { m.Encrypted = true }), "media.storage", schema.SeverityFailed, []string{recordingSID, "Turn off recording encryption"}},
		"external":  {latest(func(m *schema.LatestMedia) { m.External = true }), "media.storage", schema.SeverityFailed, []string{"S3", "Turn off external"}},
		"public":    {func(o *office) { o.public = func() (bool, error) { return true, nil } }, "media.access", schema.SeverityWarning, []string{"without credentials", "Enforce HTTP basic"}},
		"unclear":   {func(o *office) { o.public = func() (bool, error) { return false, errors.New("odd") } }, "media.access", schema.SeverityWarning, []string{"odd"}},
	} {
		t.Run(what, test.run)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]outcome{
		"a sink is failed": {func(o *office) {
			o.checkSinks = func() ([]schema.Finding, error) {
				return []schema.Finding{{Check: "events.call.sink", Severity: schema.SeverityFailed, Detail: "Gone.", Advice: "Set it up."}}, nil
			}
		}, "events.call.sink", schema.SeverityFailed, []string{"Gone.", "Set it up."}},
		"the sinks cannot be asked for": {func(o *office) { o.checkSinks = func() ([]schema.Finding, error) { return nil, away } },
			"events.sinks", schema.SeverityWarning, []string{"connection refused"}},
		"never tested": {func(o *office) { o.settings.SMSEvents = schema.EventStreaming{Active: true} },
			"events.test.sms", schema.SeverityWarning, []string{"messages", "setup-event-sink"}},
		"summaries off":     {func(o *office) { o.advanced = func() (bool, error) { return false, nil } }, "insights.advanced", schema.SeverityWarning, []string{"Turn on Advanced Features", "trunk"}},
		"summaries unknown": {func(o *office) { o.advanced = func() (bool, error) { return false, away } }, "insights.advanced", schema.SeverityWarning, []string{"connection refused"}},
	} {
		t.Run(what, test.run)
	}
}

func TestStoredSettings(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]outcome{
		"a rotation under way": {func(o *office) { o.settings.SecondaryToken = true }, "twilio.secondary_token", schema.SeverityWarning, []string{"Finish the rotation", "secondary_auth_token"}},
		"recording off":        {func(o *office) { o.settings.RecordingEnabled = false }, "recording.switch", schema.SeverityOK, []string{"off since 2026-03-04 18:15:40 UTC"}},
		"nothing starts it":    {func(o *office) { o.settings.CallEvents.Active = false }, "recording.switch", schema.SeverityWarning, []string{"setup-event-sink", "/voice"}},
		"answered calls start it": {func(o *office) {
			o.settings.CallEvents.Active = false
			o.numbers[0].Voice = &schema.VoicePlan{Action: schema.VoiceVoicemail}
		}, "recording.switch", schema.SeverityOK, nil},
	} {
		t.Run(what, test.run)
	}
}

// Inactive events have no test event to wait for.
func TestUntestedKindsAreLeftOut(t *testing.T) {
	t.Parallel()
	if said(examined(t, healthy().config()), "events.test.sms") {
		t.Error("it misses a test event of a kind that is not delivered")
	}
}

// Of a recording that is not ready, Twilio has nothing to give to anybody: that
// says nothing about credentials.
func TestMediaAccessWaitsForAudio(t *testing.T) {
	t.Parallel()
	for _, m := range []schema.LatestMedia{
		{Recording: schema.RecordingFacts{RecordingSID: recordingSID, Status: schema.RecordingInProgress}},
		{Recording: schema.RecordingFacts{RecordingSID: recordingSID, Status: schema.RecordingCompleted}, External: true},
	} {
		o := healthy()
		o.latest = func() (*schema.LatestMedia, error) { return &m, nil }
		found := examined(t, o.config())
		if said(found, "media.access") || !said(found, "media.storage") {
			t.Errorf("it says %v", names(found))
		}
	}
}
