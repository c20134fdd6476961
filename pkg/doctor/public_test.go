package doctor_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loquent/callstream/ingress"
	"github.com/loquent/callstream/pkg/doctor"
	"github.com/loquent/callstream/schema"
)

// public returns what is found at a base address.
func public(t *testing.T, base string, transport http.RoundTripper) schema.Finding {
	t.Helper()
	return about(t, system(t, doctor.Config{BaseURL: base, Transport: transport, Timeout: time.Minute}), "ingress.public")
}

// nobody knows no account and stores nothing.
type nobody struct{}

func (nobody) AccountByOrganization(context.Context, string) (schema.Account, error) {
	return schema.Account{}, schema.Errorf(schema.NotFound, "none")
}

func (nobody) AccountBySID(context.Context, string) (schema.Account, error) {
	return schema.Account{}, schema.Errorf(schema.NotFound, "none")
}

func (nobody) Publish(context.Context, ...schema.Event) error         { return errors.New("not here") }
func (nobody) DeadLetter(context.Context, ...schema.DeadLetter) error { return errors.New("not here") }

// ours is callstream's own ingress.
func ours(t *testing.T) http.Handler {
	t.Helper()
	verify := func([]string, *http.Request, []byte) error { return errors.New("it is not even signed") }
	i, err := ingress.New(ingress.Config{Publisher: nobody{}, Accounts: nobody{}, Verify: verify})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// to is a transport that trusts the server and takes any name for it.
func to(t *testing.T, server *httptest.Server) *http.Transport {
	t.Helper()
	address := server.Listener.Addr().String()
	return dialing(t, server.Client().Transport.(*http.Transport).TLSClientConfig, func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	})
}

// dialing is a transport whose every connection is dial's.
func dialing(t *testing.T, config *tls.Config, dial func(ctx context.Context) (net.Conn, error)) *http.Transport {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: config,
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// The real ingress, behind a certificate, by its public name.
func TestPublicIngress(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(ours(t))
	defer server.Close()
	expect(t, public(t, "https://calls.example.com/", to(t, server)), schema.SeverityOK, "calls.example.com")
}

// The real ingress, where Twilio does not get to it.
func TestPublicIngressOfDevelopers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(ours(t))
	defer server.Close()
	expect(t, public(t, server.URL, nil), schema.SeverityWarning, "Twilio does not", "public host name")
	for _, host := range []string{"localhost", "pbx.local", "10.1.2.3", "192.168.7.8", "[::1]", "intranet"} {
		expect(t, public(t, "https://"+host, to(t, secured(t))), schema.SeverityWarning, "Twilio does not")
	}
	expect(t, public(t, "http://calls.example.com", to(t, server)), schema.SeverityWarning, "without encryption", "https")
}

// secured is the real ingress behind a certificate that passes for any name.
func secured(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewTLSServer(ours(t))
	t.Cleanup(server.Close)
	server.Client().Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	return server
}

func TestPublicNotAnAddress(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"calls.example.com", "ftp://calls.example.com", "https://", "https://u:hunter2@%zz", "://"} {
		f := public(t, base, nil)
		expect(t, f, schema.SeverityFailed, "APP_HOST", "no web address")
		if strings.Contains(f.Detail, "hunter2") {
			t.Errorf("it repeats a password: %s", f.Detail)
		}
	}
}

// Somebody else answers in place of the ingress.
func TestPublicWrongAnswer(t *testing.T) {
	t.Parallel()
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for what, test := range map[string]struct {
		handler  http.HandlerFunc
		severity schema.Severity
		words    []string
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://u:hunter2@www.example.com/hook?key=hunter2", http.StatusMovedPermanently)
		}, schema.SeverityFailed, []string{"redirects", "https://www.example.com/hook.", "PUBLIC_BASE_URL"}},
		"a redirect to nowhere":          {answer(302, "text/plain", ""), schema.SeverityFailed, []string{"nowhere"}},
		"a login":                        {answer(401, "text/html", "<html>Log in"), schema.SeverityFailed, []string{"login", "401"}},
		"a firewall":                     {answer(403, "text/html", "<html>Blocked"), schema.SeverityFailed, []string{"not in callstream's words", "HTML", "firewall"}},
		"no such path":                   {answer(404, "text/plain", "404 page not found"), schema.SeverityFailed, []string{"404 Not Found", "Route"}},
		"no such method":                 {answer(405, "text/plain", ""), schema.SeverityFailed, []string{"405", "any method"}},
		"a proxy without it":             {answer(502, "text/html", "<html>Bad gateway"), schema.SeverityFailed, []string{"502", "Start the ingress"}},
		"another server's page":          {answer(200, "text/html; charset=utf-8", "<html>Welcome"), schema.SeverityFailed, []string{"200 OK, an HTML page", "another server"}},
		"a server that takes everything": {answer(204, "", ""), schema.SeverityFailed, []string{"204", "unsigned"}},
		"a status of its own":            {answer(599, "", ""), schema.SeverityFailed, []string{"599."}},
		"the ingress under load": {answer(429, "text/plain", "Too many requests at a time; try again.\n"),
			schema.SeverityWarning, []string{"too many requests", "more ingresses"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			asked := 0
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; r.Method != http.MethodPost || r.URL.Path != "/twilio/events" {
					t.Errorf("it asked %s %s", r.Method, r.URL)
				}
				test.handler(w, r)
			}))
			defer server.Close()
			f := public(t, "https://calls.example.com", to(t, server))
			expect(t, f, test.severity, test.words...)
			if strings.Contains(f.Detail+f.Advice, "hunter2") || asked != 1 {
				t.Errorf("after %d requests it says %+v", asked, f)
			}
		})
	}
}

// A certificate that Twilio would not take is a fault, whoever looks.
func TestPublicCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(ours(t))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to break
	server.StartTLS()
	t.Cleanup(server.Close)
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig
	plain := httptest.NewServer(ours(t))
	t.Cleanup(plain.Close)
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	later := trusted.Clone()
	later.Time = func() time.Time { return time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) }
	for what, test := range map[string]struct {
		base      string
		transport http.RoundTripper
		words     []string
	}{
		"of an unknown authority": {"https://example.com", dialing(t, &tls.Config{}, dial), []string{"authority", "public"}},
		"of another name":         {"https://calls.example.org", dialing(t, trusted.Clone(), dial), []string{"another name", "calls.example.org"}},
		"expired":                 {"https://example.com", dialing(t, later, dial), []string{"expired", "Renew"}},
		"none": {"https://example.com:8443", dialing(t, trusted.Clone(), func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", plain.Listener.Addr().String())
		}), []string{"does not speak TLS", "example.com:8443"}},
		"too old a TLS": {"https://example.com", dialing(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, dial), []string{"broke off the TLS handshake"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			expect(t, public(t, test.base, test.transport), schema.SeverityFailed, test.words...)
		})
	}
}

// No connection may be this network's doing: the advice is to look from outside.
func TestPublicUnreached(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nothing := closed.Addr().String()
	_ = closed.Close()
	cutter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(cutter.Close)
	refused := func(err error) roundTripper {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	for what, test := range map[string]struct {
		base      string
		transport http.RoundTripper
		words     []string
	}{
		"no such name":      {"https://calls.example.com", refused(&net.DNSError{Err: "no such host", Name: "calls.example.com", IsNotFound: true}), []string{"does not resolve", "DNS"}},
		"no name server":    {"https://calls.example.com", refused(&net.DNSError{Err: "timeout", IsTimeout: true}), []string{"cannot be looked up"}},
		"nothing listens":   {"http://" + nothing, nil, []string{"Nothing listens at " + nothing}},
		"broken off":        {cutter.URL, nil, []string{"broken off"}},
		"something else":    {"https://calls.example.com", refused(errors.New("proxy says no")), []string{"proxy says no"}},
		"a timeout of http": {"https://calls.example.com", refused(&net.OpError{Op: "dial", Err: timeout{}}), []string{"in time"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			words := append(test.words, "from here only", "curl -i -X POST "+test.base+"/twilio/events", "403")
			expect(t, public(t, test.base, test.transport), schema.SeverityWarning, words...)
		})
	}
}

// timeout is an error of the kind that the net package has for it.
type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }

// A server that takes the request and says nothing costs the check's time.
func TestPublicSlow(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	found := system(t, doctor.Config{BaseURL: "https://calls.example.com", Transport: to(t, server), Timeout: 50 * time.Millisecond})
	expect(t, about(t, found, "ingress.public"), schema.SeverityWarning, "in time", "calls.example.com:443")
}
