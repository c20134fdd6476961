package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/loquent/callstream/schema"
)

const (
	numbersKnown   topic = "numbers.known"
	numbersAccount topic = "numbers.account"
	numbersUnknown topic = "numbers.unknown"
	numbersVoice   topic = "numbers.voice"
)

const voicePath = "/twilio/voice"

// checkNumbers compares the organization's numbers with those of its account.
func checkNumbers(ctx context.Context, accounts Accounts, o tenant, base string) []schema.Finding {
	findings := []schema.Finding{knownNumbers(o.numbers)}
	list, err := accounts.ListNumbers(ctx, o.account)
	if err != nil {
		return append(findings, numbersAccount.unasked(err, "which numbers the account has"))
	}
	bought := make(map[string]schema.TwilioNumber, len(list))
	for _, n := range list {
		bought[schema.NormalizeNumber(n.Number)] = n
	}
	if len(o.numbers) > 0 {
		findings = append(findings, ownedNumbers(o.numbers, bought))
	}
	return append(findings, unknownNumbers(o.numbers, list), voicedNumbers(o.numbers, bought, base))
}

func knownNumbers(numbers []schema.PhoneNumber) schema.Finding {
	if len(numbers) == 0 {
		return numbersKnown.warning("Add the numbers whose calls are to be recorded: `callstream numbers add NUMBER`, or POST /api/numbers.",
			"The organization has no telephone number: no call would ever be recorded.")
	}
	return numbersKnown.ok("The organization has %s.", count(len(numbers), "telephone number"))
}

// ownedNumbers looks for telephone numbers that the account does not have. SIP
// addresses and clients are in no list of Twilio's.
func ownedNumbers(numbers []schema.PhoneNumber, bought map[string]schema.TwilioNumber) schema.Finding {
	var foreign []string
	for _, n := range numbers {
		if _, ok := bought[n.Number]; !ok && strings.HasPrefix(n.Number, "+") {
			foreign = append(foreign, n.Number)
		}
	}
	if len(foreign) > 0 {
		return numbersAccount.warning("Remove what was mistyped or sold: `callstream numbers rm NUMBER`, or DELETE /api/numbers/NUMBER. A number of another carrier that reaches Twilio by a SIP trunk is right as it is.",
			"The Twilio account does not have %s of the organization: %s.", count(len(foreign), "number"), named(foreign))
	}
	return numbersAccount.ok("The Twilio account has all of the organization's numbers.")
}

func unknownNumbers(numbers []schema.PhoneNumber, list []schema.TwilioNumber) schema.Finding {
	ours := make(map[string]bool, len(numbers))
	for _, n := range numbers {
		ours[n.Number] = true
	}
	var others []string
	for _, n := range list {
		if !ours[schema.NormalizeNumber(n.Number)] {
			others = append(others, n.Number)
		}
	}
	if len(others) > 0 {
		return numbersUnknown.warning("Add those whose calls are to be recorded: `callstream numbers add NUMBER`, or POST /api/numbers.",
			"The Twilio account has %s unknown here, whose calls are never recorded: %s.", count(len(others), "number"), named(others))
	}
	return numbersUnknown.ok("All numbers of the Twilio account are known here.")
}

// voicedNumbers looks whether the calls that callstream is to answer come to it, and
// whether those that come have a plan.
func voicedNumbers(numbers []schema.PhoneNumber, bought map[string]schema.TwilioNumber, base string) schema.Finding {
	if base == "" {
		return numbersVoice.warning("Set APP_HOST to check it.", "No public address is configured here, to which numbers would send their calls.")
	}
	want := strings.TrimRight(base, "/") + voicePath
	var elsewhere, trunked, unplanned []string
	planned := 0
	for _, n := range numbers {
		at, ok := bought[n.Number]
		comes := sameURL(at.VoiceURL, want) && at.TrunkSID == ""
		if n.Voice != nil {
			planned++
		}
		switch {
		case !ok:
		case n.Voice != nil && at.TrunkSID != "":
			trunked = append(trunked, n.Number)
		case n.Voice != nil && !comes:
			elsewhere = append(elsewhere, n.Number)
		case n.Voice == nil && comes:
			unplanned = append(unplanned, n.Number)
		}
	}
	switch {
	case len(elsewhere) > 0:
		return numbersVoice.warning("Run `callstream numbers connect NUMBER`, or set its voice URL at Twilio to "+shown(want)+" (HTTP POST); or remove its voice plan: `callstream numbers voice NUMBER off`, or DELETE /api/numbers/NUMBER/voice.",
			"Twilio sends calls elsewhere than to callstream, which has a voice plan for them: %s.", named(elsewhere))
	case len(trunked) > 0:
		return numbersVoice.warning("Take the number off its SIP trunk at Twilio, or remove its voice plan: `callstream numbers voice NUMBER off`, or DELETE /api/numbers/NUMBER/voice.",
			"A SIP trunk takes the calls for which callstream has a voice plan: %s.", named(trunked))
	case len(unplanned) > 0:
		return numbersVoice.warning("Say what becomes of these calls: `callstream numbers voice NUMBER`, or PUT /api/numbers/NUMBER/voice; or point the number's voice URL at Twilio elsewhere.",
			"Twilio sends calls to callstream, which has no voice plan for them: %s.", named(unplanned))
	case planned == 0:
		return numbersVoice.ok("No number has a voice plan: other systems answer the calls.")
	}
	return numbersVoice.ok("The calls of %s with a voice plan come to callstream.", count(planned, "number"))
}

// sameURL compares but for the case of scheme and host, and for parameters.
func sameURL(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Host, y.Host) && x.Path == y.Path
}

// shown is a URL without the password that it may hold.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "BASE" + voicePath
	}
	return u.Redacted()
}

// count is "1 number" or "2 numbers".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
