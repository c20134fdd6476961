package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"

	"github.com/loquent/callstream/schema"
)

// unreached explains why no answer came. A certificate that was shown is as
// good as an answer; everything else may be this network's doing alone.
func unreached(target *url.URL, err error) schema.Finding {
	if f, ok := distrusted(target, err); ok {
		return f
	}
	if cause := cutOff(target, err); cause != "" {
		return publicIngress.warning(fromOutside(target), "%s. That may be so from here only.", cause)
	}
	return publicIngress.warning(fromOutside(target), "No answer from %s: %s. That may be so from here only.", target.Host, why(err))
}

// fromOutside is how to see what Twilio sees.
func fromOutside(target *url.URL) string {
	return "Check it from outside this network: `curl -i -X POST " + target.Redacted() + "` must answer 403 and \"" + refusal +
		"\". If it does, all is well: many networks do not let a host reach its own public name."
}

// distrusted explains errors of the certificate and of TLS. Twilio accepts only
// a valid certificate of a public authority.
func distrusted(target *url.URL, err error) (schema.Finding, bool) {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		plain    tls.RecordHeaderError
		broken   *net.OpError
	)
	host := target.Host
	switch {
	case errors.As(err, &hostname):
		return publicIngress.failed("Get a certificate for "+target.Hostname()+", or correct APP_HOST.",
			"The certificate at %s is for another name.", host), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return publicIngress.failed("Renew the certificate; if it is fresh, set this machine's clock.",
			"The certificate at %s has expired, or is not valid yet.", host), true
	case errors.As(err, &unknown):
		return publicIngress.failed(
			"Use a certificate of a public authority, with its intermediate certificates: Twilio accepts no other. If it is one, install this machine's CA certificates.",
			"The certificate at %s is of an authority that is not known here.", host), true
	case errors.As(err, &invalid):
		return publicIngress.failed("Use a certificate of a public authority: Twilio accepts no other.",
			"The certificate at %s does not hold: %s.", host, why(invalid)), true
	case errors.As(err, &plain):
		return publicIngress.failed("Serve https at this port, or set PUBLIC_BASE_URL to the address that does.",
			"The server at %s does not speak TLS.", address(target)), true
	case errors.As(err, &broken) && broken.Op == "remote error": // an alert of TLS
		return publicIngress.failed("Check the TLS set-up of the proxy before callstream: whether it has a certificate for "+target.Hostname()+", and asks for none.",
			"The server at %s broke off the TLS handshake: %s.", address(target), why(broken.Err)), true
	}
	return schema.Finding{}, false
}

// cutOff puts the usual errors of a connection into words.
func cutOff(target *url.URL, err error) string {
	var (
		lookup  *net.DNSError
		timeout net.Error
	)
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "The name " + target.Hostname() + " does not resolve: check APP_HOST and its DNS record"
	case errors.As(err, &lookup):
		return "The name " + target.Hostname() + " cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Nothing listens at " + address(target)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "There is no way from here to " + target.Host
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "No answer from " + address(target) + " in time"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The connection to " + address(target) + " was broken off"
	}
	return ""
}
