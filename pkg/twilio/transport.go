package twilio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/loquent/callstream/schema"
)

const (
	maxAnswer = 16 << 20 // bytes of one answer; a page of a thousand recordings has about one million
	maxPages  = 100      // requests of one operation; a list that never ends is a fault of the other side
)

// transport carries one operation's requests. It does what the library does
// not: it ends them with the operation's context or after a time, sends them
// to the configured address and no other, and turns every answer but 2xx into
// a classified error, with the status and Retry-After that the library would
// drop, its body read and closed.
//
// A request is sent a second time in one case: Twilio refused the primary
// token (401) and the account has a secondary. While tokens are rotated either
// may be the valid one, and a request that was not authenticated was not acted
// upon.
type transport struct {
	client   *Client
	ctx      context.Context // of the operation, for want of one in the library's signatures
	account  schema.Account
	requests atomic.Int32
}

// RoundTrip sends the request. Against the interface's advice it returns an
// error for answers that are errors: this is the one place that still knows
// their status.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.requests.Add(1) > maxPages {
		return nil, schema.Errorf(schema.Corrupt, "the list has no end: %d pages read", maxPages)
	}
	target, err := t.target(req.URL)
	if err != nil {
		return nil, err
	}
	for _, token := range tokens(t.account) {
		var res *http.Response
		res, err = t.send(req, target, token)
		if !tokenRefused(err) {
			return res, err
		}
	}
	return nil, err
}

func (t *transport) target(u *url.URL) (*url.URL, error) {
	for _, b := range []*base{t.client.apiOf(t.account), t.client.events, t.client.insights} {
		if target, ok := b.resolve(u); ok {
			return target, nil
		}
	}
	return nil, schema.Errorf(schema.Corrupt, "credentials are not sent to %s, which is not Twilio", u.Host)
}

// send makes one attempt with one token. The attempt's context lives until the
// answer's body is closed.
func (t *transport) send(req *http.Request, target *url.URL, token string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.client.config.Timeout)
	out := req.Clone(ctx)
	out.URL, out.Host = target, target.Host
	out.SetBasicAuth(t.account.AccountSID, token)
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			cancel()
			return nil, schema.Errorf(schema.Internal, "repeat the request's body: %w", err)
		}
		out.Body = body
	}
	res, err := t.client.config.Transport.RoundTrip(out)
	if err != nil {
		defer cancel()
		return nil, broken(ctx, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer cancel()
		return nil, refused(res, tokens(t.account))
	}
	if out.Method == http.MethodDelete && res.StatusCode != http.StatusNoContent {
		defer cancel()
		_ = res.Body.Close()
		return nil, notTwilio(res.StatusCode)
	}
	res.Body = &answer{ctx: ctx, cancel: cancel, body: http.MaxBytesReader(nil, res.Body, maxAnswer)}
	return res, nil
}

// answer is the body of a 2xx answer: bounded, ended by its context, with
// classified errors.
type answer struct {
	ctx    context.Context
	cancel context.CancelFunc
	body   io.ReadCloser
}

// Read reads on; an error other than io.EOF has a code.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // a Reader returns io.EOF itself
		return n, err //nolint:wrapcheck // for the same reason
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return n, schema.Errorf(schema.Corrupt, "the answer exceeds %d bytes", tooLarge.Limit)
	}
	return n, broken(a.ctx, err)
}

// Close ends the request.
func (a *answer) Close() error {
	defer a.cancel()
	return a.body.Close() //nolint:wrapcheck // of a body that nobody reads any more
}
