package twilio

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// urls returns the spellings under which Twilio may have signed the request's
// URL: the host with and without the port (products differ), without
// credentials and, if the base has some, with them (documented for voice and
// messaging only), the query as it came and as older signers encoded it. All
// of them name the same resource, so that none lets another request pass.
func (v Verifier) urls(requested *url.URL) ([]string, error) {
	base, err := url.Parse(v.BaseURL)
	if err != nil || base.Host == "" {
		return nil, schema.Errorf(schema.Internal, "the base URL for signatures is not a URL; is PUBLIC_BASE_URL set?")
	}
	path, query, hasQuery := strings.Cut(requested.RequestURI(), "?")
	path = strings.TrimSuffix(base.EscapedPath(), "/") + path
	paths := []string{path}
	if hasQuery {
		paths = paths[:0]
		for _, spelling := range queries(query) {
			paths = append(paths, path+"?"+spelling)
		}
	}
	urls := make([]string, 0, 4)
	for _, authority := range authorities(base) {
		for _, path := range paths {
			urls = append(urls, base.Scheme+"://"+authority+path)
		}
	}
	return urls, nil
}

// authorities returns what may stand between scheme and path.
func authorities(base *url.URL) []string {
	spellings := hosts(base)
	if base.User != nil {
		for _, host := range hosts(base) {
			spellings = append(spellings, base.User.String()+"@"+host)
		}
	}
	return spellings
}

// hosts returns the base's host as configured, then with its port added or
// left out. IPv6 addresses keep their brackets.
func hosts(base *url.URL) []string {
	port := base.Port()
	if port != "" {
		return []string{base.Host, strings.TrimSuffix(base.Host, ":"+port)}
	}
	port = "443"
	if base.Scheme == "http" {
		port = "80"
	}
	return []string{base.Host, net.JoinHostPort(base.Hostname(), port)}
}

// queries returns the query as it came and as it may have been signed: encoded
// again by older rules, or with the apostrophe escaped, about which URL
// libraries differ.
func queries(query string) []string {
	spellings := []string{query}
	for _, other := range []string{legacyQuery(query), strings.ReplaceAll(query, "'", "%27")} {
		if !slices.Contains(spellings, other) {
			spellings = append(spellings, other)
		}
	}
	return spellings
}

// legacyQuery encodes the query again the way Twilio's older signers do: all
// escaped but letters, digits and -_.!~*'(), spaces as %20.
func legacyQuery(query string) string {
	parameters, err := parseForm(query)
	if err != nil {
		return query
	}
	var text strings.Builder
	for i, p := range parameters {
		if i > 0 {
			text.WriteByte('&')
		}
		writeComponent(&text, p.name)
		text.WriteByte('=')
		writeComponent(&text, p.value)
	}
	return text.String()
}

func writeComponent(text *strings.Builder, s string) {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.!~*'()", c) >= 0:
			text.WriteByte(c)
		default:
			text.WriteByte('%')
			text.WriteByte(digits[c>>4])
			text.WriteByte(digits[c&15])
		}
	}
}
