package doctor

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/loquent/callstream/schema"
)

const publicIngress topic = "ingress.public"

const (
	eventsPath = "/twilio/events"
	// refusal is what the ingress answers, with 403, to a request that is not
	// signed, and busy, with 429, when it has too many.
	refusal = "The signature is not of an account that is known here."
	busy    = "Too many requests at a time; try again."
	maxSeen = 8 << 10 // bytes of an answer that are looked at
)

// reply is what came back from the public address.
type reply struct {
	status   int
	media    string // type of the body, without parameters
	text     string // the body's beginning, trimmed
	location string // where it redirects to
}

// checkPublic asks for the ingress by its public name, as Twilio does, with an
// unsigned request: only the ingress itself refuses that in its own words.
//
// Many networks do not let a host reach its own public name, so that no
// connection is a warning; a wrong answer is a fault.
func checkPublic(ctx context.Context, base string, transport http.RoundTripper) schema.Finding {
	if base == "" {
		return publicIngress.warning("Set APP_HOST to the public host name under which Twilio reaches callstream.",
			"No public address is configured here, so Twilio can deliver nothing.")
	}
	target, err := publicURL(base)
	if err != nil {
		return publicIngress.failed("Set APP_HOST to a host name such as calls.example.com, or PUBLIC_BASE_URL to an address such as https://calls.example.com.",
			"The public address is no web address: %s.", err)
	}
	seen, err := post(ctx, target, transport)
	if err != nil {
		return unreached(target, err)
	}
	if f, wrong := misanswered(target, seen); wrong {
		return f
	}
	return exposed(target)
}

// publicURL returns where Twilio delivers events.
func publicURL(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it cannot be read") // err quotes it, with any password
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return nil, fmt.Errorf("%q has no https:// and host", u.Redacted())
	}
	return &url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: strings.TrimRight(u.Path, "/") + eventsPath}, nil
}

// post sends an empty list of events without a signature. Redirects are not
// followed, since Twilio's requests are not made to be repeated elsewhere.
func post(ctx context.Context, target *url.URL, transport http.RoundTripper) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader("[]"))
	if err != nil {
		return reply{}, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "callstream-doctor")
	if transport == nil {
		fresh := http.DefaultTransport.(*http.Transport).Clone()
		fresh.DisableKeepAlives = true
		transport = fresh
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err //nolint:wrapcheck // unreached tells it by its kind
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSeen))
	if err != nil {
		return reply{}, fmt.Errorf("read the answer: %w", err)
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")) // none is an answer too
	return reply{res.StatusCode, media, strings.TrimSpace(string(body)), res.Header.Get("Location")}, nil
}

// misanswered tells what answered in place of the ingress, if anything did.
func misanswered(target *url.URL, seen reply) (f schema.Finding, wrong bool) {
	host := target.Host
	switch {
	case seen.status == http.StatusForbidden && seen.text == refusal:
		return schema.Finding{}, false
	case seen.status == http.StatusTooManyRequests && seen.text == busy:
		return publicIngress.warning("Start more ingresses, or look for who sends so much: Twilio repeats what is refused now.",
			"The ingress answers at %s and has too many requests at this moment.", host), true
	case seen.status >= 300 && seen.status <= 399:
		return publicIngress.failed(
			"Let "+eventsPath+" reach the ingress without a redirect, or set PUBLIC_BASE_URL to where it leads: signatures hold for the first address only.",
			"The server at %s redirects %s to %s.", host, eventsPath, destination(target, seen.location)), true
	case seen.status == http.StatusUnauthorized, seen.status == http.StatusProxyAuthRequired:
		return publicIngress.failed("Exempt paths under /twilio/ from the login before callstream: Twilio cannot log in, and callstream checks its signatures.",
			"The server at %s asks for a login (%s).", host, status(seen)), true
	case seen.status == http.StatusForbidden:
		return publicIngress.failed("Let the firewall, proxy or access rule before callstream pass POST requests under /twilio/ from anywhere; callstream checks Twilio's signatures itself.",
			"Something before the ingress refuses requests to %s (%s, and not in callstream's words).", host, status(seen)), true
	case seen.status == http.StatusNotFound, seen.status == http.StatusMethodNotAllowed:
		return publicIngress.failed("Route the paths under /twilio/ at "+host+" to the ingress, unchanged and with any method.",
			"The server at %s has no POST %s: it answered %s.", host, target.Path, status(seen)), true
	case seen.status >= 500:
		return publicIngress.failed("Start the ingress, and check the address and port by which the proxy at "+host+" reaches it.",
			"The server at %s reaches no working ingress: it answered %s.", host, status(seen)), true
	}
	return publicIngress.failed("Route the paths under /twilio/ at "+host+" to the ingress: another server answers there.",
		"The server at %s answered an unsigned request with %s, where callstream's ingress refuses it with 403.", host, status(seen)), true
}

// status describes an answer: "404 Not Found, an HTML page".
func status(seen reply) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", seen.status, http.StatusText(seen.status)))
	if seen.media == "text/html" {
		text += ", an HTML page"
	}
	return text
}

// destination is a redirect's, without what may be secret in it.
func destination(from *url.URL, location string) string {
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return "nowhere"
	}
	shown := url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
	return shown.String()
}

// exposed is for an ingress that answered: whether Twilio gets as far.
func exposed(target *url.URL) schema.Finding {
	host := target.Host
	if local(target.Hostname()) {
		return publicIngress.warning("Set APP_HOST to a public host name (a tunnel's will do for a trial) before you connect a Twilio account.",
			"The ingress answers at %s, which only this machine or its network reaches; Twilio does not.", host)
	}
	if target.Scheme != "https" {
		return publicIngress.warning("Serve it by https and set PUBLIC_BASE_URL to the https address.",
			"The ingress answers at %s without encryption: numbers and messages pass readable.", host)
	}
	return publicIngress.ok("The ingress answers at %s, and refuses what is not signed.", host)
}

// local reports a host that means something else, or nothing, at Twilio.
func local(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast() || address.IsUnspecified()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") ||
		strings.HasSuffix(host, ".internal") || !strings.Contains(host, ".")
}

// port is where the target is served.
func port(target *url.URL) string {
	if p := target.Port(); p != "" {
		return p
	}
	if target.Scheme == "http" {
		return "80"
	}
	return "443"
}

// address is the target's host and port.
func address(target *url.URL) string { return net.JoinHostPort(target.Hostname(), port(target)) }
