package twilio

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// base is one of Twilio's addresses and the one that stands in for it.
type base struct {
	own    string   // the host that the library and Twilio's own links name
	target *url.URL // where requests go
}

// parseBase reads an address from the configuration; setting names it in the
// error.
func parseBase(setting, raw, own string) (*base, error) {
	if raw == "" {
		raw = own
	}
	target, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil {
		return nil, fmt.Errorf("%s is not a URL; it is like %s", setting, own)
	}
	switch {
	case target.Scheme != "https" && target.Scheme != "http", target.Host == "":
		return nil, fmt.Errorf("%s is not a web address; it is like %s", setting, own)
	case target.User != nil, target.RawQuery != "", target.Fragment != "":
		return nil, fmt.Errorf("%s has more than scheme, host and path; it is like %s", setting, own)
	}
	ownURL, err := url.Parse(own)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", own, err)
	}
	return &base{own: ownURL.Host, target: target}, nil
}

// parseInsights reads Voice Insights' address. Who points Event Streams to a
// double has to name one for Voice Insights too, or it is asked nothing: what
// is meant for a double must not reach Twilio.
func parseInsights(raw string, events *base) (*base, error) {
	if raw == "" && events.target.Host != events.own {
		return nil, nil //nolint:nilnil // there is none
	}
	return parseBase("TWILIO_INSIGHTS_URL", raw, DefaultInsightsURL)
}

// resolve returns where a request to u goes: a URL on Twilio's own host moves
// to the target, one that is on the target already stays. ok is false for any
// other host, which credentials must not reach.
func (b *base) resolve(u *url.URL) (resolved *url.URL, ok bool) {
	if b == nil {
		return nil, false
	}
	moved := *u
	moved.User = nil
	switch {
	case u.Host == b.own:
		moved.Scheme, moved.Host = b.target.Scheme, b.target.Host
		moved.Path = b.target.Path + u.Path
		if u.RawPath != "" || b.target.RawPath != "" {
			moved.RawPath = b.target.EscapedPath() + u.EscapedPath()
		}
		return &moved, true
	case b.holds(u):
		return &moved, true
	}
	return nil, false
}

// holds reports whether u is on the target itself.
func (b *base) holds(u *url.URL) bool {
	return u.Scheme == b.target.Scheme && u.Host == b.target.Host
}

// mayLeadTo reports whether a redirect from here to another host is followed,
// without credentials: over https, to a host with a public name. Twilio sends
// those who fetch audio to its storage or a customer's; an address without a
// name is neither, it is a machine in somebody's network. A double, which stands
// in such a network itself, may redirect to any.
func (b *base) mayLeadTo(u *url.URL) bool {
	if u.Scheme != "https" || u.Host == "" {
		return false
	}
	if !strings.HasSuffix(b.target.Hostname(), ".twilio.com") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(u.Hostname(), "."))
	return err != nil && strings.Contains(strings.Trim(u.Hostname(), "."), ".")
}

// join returns the URL of a path below the target.
func (b *base) join(path string) *url.URL { return b.target.JoinPath(path) }
