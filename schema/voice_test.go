package schema_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

func TestDialable(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"+15550001111", "+4930123456", "+1234567", "+123456789012345",
		"sip:bob@example.com", "sips:bob@example.com;transport=tls", "sip:+1555@[2001:db8::1]:5060?X-Call=a&b",
		"client:alice", "client:José", "client:a&b'c", "client:" + strings.Repeat("a", 248),
	} {
		if !schema.Dialable(to) {
			t.Errorf("%q cannot be dialled", to)
		}
	}
	for what, to := range map[string]string{
		"nothing":               "",
		"no plus":               "15550001111",
		"a leading zero":        "+05550001111",
		"too short":             "+123456",
		"too long":              "+1234567890123456",
		"letters":               "+1555CALLNOW",
		"digits of a script":    "+١٢٣٤٥٦٧",
		"two numbers":           "+15550001111,+15550002222",
		"a space":               "+1555 0001111",
		"a line break":          "+15550001111\n",
		"no user":               "sip:example.com",
		"an empty user":         "sip:@example.com",
		"an empty host":         "sip:bob@",
		"nobody":                "client:",
		"an element":            "client:<Hangup/>",
		"a quote":               `client:"a`,
		"a control":             "client:a\x01",
		"what XML forbids":      "client:a\uFFFE",
		"half a character":      "client:a\xC3",
		"a hidden character":    "client:a\u202Eb",
		"a wide space":          "client:a\u00A0b",
		"an address of the web": "https://example.com",
		"a call that is a room": "conference:a",
		"an endless one":        "client:" + strings.Repeat("a", 249),
	} {
		if schema.Dialable(to) {
			t.Errorf("%s: %q can be dialled", what, to)
		}
	}
}

func TestVoicePlans(t *testing.T) {
	t.Parallel()
	forward := schema.VoicePlan{Action: schema.VoiceForward, To: "+15550001111"}
	voicemail := schema.VoicePlan{Action: schema.VoiceVoicemail}
	with := func(p schema.VoicePlan, change func(*schema.VoicePlan)) schema.VoicePlan {
		change(&p)
		return p
	}
	for what, p := range map[string]schema.VoicePlan{
		"forward":   forward,
		"voicemail": voicemail,
		"all of forward": {
			Action: schema.VoiceForward, To: "sip:bob@example.com", CallerID: "+15550002222", RingSeconds: 600,
			Announcement: strings.Repeat("a", 1000), Language: "de-DE",
		},
		"all of voicemail": {Action: schema.VoiceVoicemail, Greeting: "¡Hola!", Unrecorded: "<b>", MaxSeconds: 3600, Language: "es"},
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, p := range map[string]schema.VoicePlan{
		"nothing":                     {},
		"another action":              {Action: "hold"},
		"forward to nobody":           {Action: schema.VoiceForward},
		"forward to no address":       with(forward, func(p *schema.VoicePlan) { p.To = "bob" }),
		"a caller that is no number":  with(forward, func(p *schema.VoicePlan) { p.CallerID = "client:bob" }),
		"ringing backwards":           with(forward, func(p *schema.VoicePlan) { p.RingSeconds = -1 }),
		"ringing for ever":            with(forward, func(p *schema.VoicePlan) { p.RingSeconds = 601 }),
		"forward with a greeting":     with(forward, func(p *schema.VoicePlan) { p.Greeting = "hello" }),
		"forward with a message":      with(forward, func(p *schema.VoicePlan) { p.MaxSeconds = 1 }),
		"forward with a regret":       with(forward, func(p *schema.VoicePlan) { p.Unrecorded = "sorry" }),
		"a speech":                    with(forward, func(p *schema.VoicePlan) { p.Announcement = strings.Repeat("a", 1001) }),
		"half a character":            with(forward, func(p *schema.VoicePlan) { p.Announcement = "\xC3" }),
		"a language of many words":    with(forward, func(p *schema.VoicePlan) { p.Language = "en US" }),
		"a language with a quote":     with(forward, func(p *schema.VoicePlan) { p.Language = `en"` }),
		"voicemail to somebody":       with(voicemail, func(p *schema.VoicePlan) { p.To = "+15550001111" }),
		"voicemail from somebody":     with(voicemail, func(p *schema.VoicePlan) { p.CallerID = "+15550001111" }),
		"voicemail that rings":        with(voicemail, func(p *schema.VoicePlan) { p.RingSeconds = 1 }),
		"a message of negative time":  with(voicemail, func(p *schema.VoicePlan) { p.MaxSeconds = -1 }),
		"a message of more than time": with(voicemail, func(p *schema.VoicePlan) { p.MaxSeconds = 3601 }),
	} {
		if err := p.Validate(); schema.CodeOf(err) != schema.Invalid {
			t.Errorf("%s: %v, want it to be invalid", what, err)
		}
	}
}

// What can be dialled is one word that no document has to be afraid of.
func TestDialableIsOneWord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.SampledFrom([]string{"", "+", "sip:a@", "client:"}).Draw(t, "kind") + rapid.String().Draw(t, "rest")
		if schema.Dialable(to) && (strings.ContainsAny(to, "<>\"\x00\r\n\t ") || len(strings.Fields(to)) != 1 || len(to) > 255) {
			t.Fatalf("%q can be dialled", to)
		}
	})
}

func TestOnlyAStartByTwiMLIsByTwiML(t *testing.T) {
	t.Parallel()
	for _, d := range []schema.Decision{
		{Outcome: schema.Started, Rule: schema.RuleEnabled}, {Outcome: schema.NotStarted, Rule: schema.RuleTwiML},
		{Outcome: schema.Starting, Rule: schema.RuleTwiML}, {},
	} {
		if d.ByTwiML() {
			t.Errorf("%+v counts", d)
		}
	}
	if !(schema.Decision{Outcome: schema.Started, Rule: schema.RuleTwiML}).ByTwiML() {
		t.Error("a start by TwiML does not count")
	}
}
