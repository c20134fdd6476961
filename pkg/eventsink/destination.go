package eventsink

import (
	"net/url"
	"strings"

	"github.com/loquent/callstream/schema"
)

// destination is the URL to which Twilio delivers an organization's events of
// a kind: it says whose they are before their signature is checked.
func destination(baseURL, org string, kind schema.EventKind) string {
	return strings.TrimRight(baseURL, "/") + "/twilio/events?org=" + url.QueryEscape(org) + "&kind=" + url.QueryEscape(string(kind))
}

// sameDestination reports whether two destinations reach the same place.
// Credentials do not count: Twilio may hide them.
func sameDestination(a, b string) bool { return normalizeURL(a) == normalizeURL(b) }

// normalizeURL spells a URL in one way, without credentials and fragment, as
// far as its meaning allows. What is no URL stays as it is.
func normalizeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return raw
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	host := strings.ToLower(u.Hostname())
	if port != "" && (scheme != "https" || port != "443") && (scheme != "http" || port != "80") {
		host += ":" + port
	}
	return scheme + "://" + host + u.EscapedPath() + "?" + query.Encode()
}

// withoutCredentials is the URL as people may see it.
func withoutCredentials(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
