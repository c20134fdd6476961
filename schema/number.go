package schema

import "strings"

// withheld lists what Twilio puts in From when the caller hid the number:
// words, and the digits that spell them on a keypad (266696687 ANONYMOUS,
// 7378742833 RESTRICTED, 86282452253 UNAVAILABLE, 8656696 UNKNOWN). Source:
// Twilio's "Why am I getting calls from these strange numbers?".
var withheld = map[string]bool{
	"anonymous": true, "restricted": true, "unavailable": true, "unknown": true, "private": true, "blocked": true,
	"+266696687": true, "+7378742833": true, "+86282452253": true, "+8656696": true, "+2562533": true,
	"266696687": true, "7378742833": true, "86282452253": true, "8656696": true, "2562533": true,
}

// NormalizeNumber brings a party of a call to one spelling: E.164 as it is,
// with punctuation removed and a leading 00 as +; "client:", "sip:" and
// "sim:" addresses with their scheme in lower case and, for SIP, without
// parameters; the empty string for a withheld or missing caller. A number that
// is normalized already comes back as it is.
func NormalizeNumber(s string) string {
	number := spell(strings.TrimSpace(s))
	if withheld[strings.ToLower(number)] || strings.HasSuffix(number, anonymousHost) {
		return ""
	}
	return number
}

// anonymousHost ends the SIP address of a caller who hid it (RFC 3323 §4.1.1.3).
const anonymousHost = "@anonymous.invalid"

func spell(s string) string {
	lower := strings.ToLower(s)
	switch {
	case strings.HasPrefix(lower, "sips:"), strings.HasPrefix(lower, "sip:"):
		return normalizeSIP(s)
	case hasScheme(lower):
		scheme, rest, _ := strings.Cut(s, ":")
		return strings.ToLower(scheme) + ":" + rest
	}
	return normalizeE164(s)
}

// hasScheme reports a "client:", "sim:", "whatsapp:" address; a plain number
// has no colon.
func hasScheme(s string) bool {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || scheme == "" {
		return false
	}
	for i := range len(scheme) {
		if scheme[i] < 'a' || scheme[i] > 'z' {
			return false
		}
	}
	return true
}

// normalizeSIP drops URI parameters and headers and lower-cases scheme and
// host; the user part keeps its case (RFC 3261 §19.1.4) and its own parameters.
func normalizeSIP(s string) string {
	scheme, rest, _ := strings.Cut(s, ":")
	user, host, hasUser := strings.Cut(rest, "@")
	if !hasUser {
		user, host = "", rest
	}
	if end := strings.IndexAny(host, ";?"); end >= 0 {
		host = strings.TrimSpace(host[:end])
	}
	if hasUser {
		user += "@"
	}
	return strings.ToLower(scheme) + ":" + user + strings.ToLower(host)
}

// normalizeE164 strips punctuation from something that is a number but for
// it, and leaves anything else (short codes, names) as it is.
func normalizeE164(s string) string {
	var digits strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9', r == '+' && i == 0:
			digits.WriteRune(r)
		case strings.ContainsRune(" -().", r):
		default:
			return s
		}
	}
	n := digits.String()
	if international, ok := strings.CutPrefix(n, "00"); ok && len(international) >= 8 {
		return "+" + international
	}
	return n
}
