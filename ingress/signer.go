package ingress

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/loquent/callstream/schema"
)

// signatureHeader is on every request of Twilio's. Its mere absence settles a
// stranger's request, so that scanning costs no look-up.
const signatureHeader = "X-Twilio-Signature"

// signer returns the account that signed the request. The error is Forbidden
// or NotFound when there is provably none, anything else when that cannot be
// said now.
//
// Tokens are rotated while the cache holds the old ones, so a signature fails
// for good only under tokens that were read after the request came.
func (i *Ingress) signer(ctx context.Context, r *http.Request, rt route, body []byte) (schema.Account, error) {
	if r.Header.Get(signatureHeader) == "" {
		return schema.Account{}, schema.Errorf(schema.Forbidden, "the request is not signed")
	}
	key, err := keyOf(r, rt, body)
	if err != nil {
		return schema.Account{}, err
	}
	account, cached, err := i.accounts.find(ctx, key)
	if err != nil {
		return schema.Account{}, err
	}
	err = i.config.Verify(account.AuthTokens, r, body)
	if err == nil || !cached {
		return account, err
	}
	if account, err = i.accounts.refresh(ctx, key); err != nil {
		return schema.Account{}, err
	}
	return account, i.config.Verify(account.AuthTokens, r, body)
}

// signerStatus: 403, for which Twilio drops an event for good, only where a
// repeat would end the same.
func signerStatus(err error) int {
	switch schema.CodeOf(err) {
	case schema.Forbidden, schema.Invalid, schema.NotFound:
		return http.StatusForbidden
	}
	return http.StatusServiceUnavailable
}

// keyOf says by what to find the account: the organization that the URL names,
// which is part of what is signed, or else the account that the body names.
func keyOf(r *http.Request, rt route, body []byte) (accountKey, error) {
	if org, err := organizationOf(r); org != "" || err != nil {
		return accountKey{byOrganization: true, id: org}, err
	}
	sid := rt.accountSID(body)
	if !schema.ValidSID(sid, schema.AccountPrefix) {
		return accountKey{}, schema.Errorf(schema.NotFound, "neither the URL nor the body names an account")
	}
	return accountKey{id: sid}, nil
}

// organizationOf returns the organization that the URL names, empty where it
// names none.
func organizationOf(r *http.Request) (string, error) {
	org := r.URL.Query().Get("org")
	if len(org) > 128 || strings.ContainsFunc(org, func(c rune) bool { return c == unicode.ReplacementChar || unicode.IsControl(c) }) {
		return "", schema.Errorf(schema.NotFound, "the URL names no organization")
	}
	return org, nil
}
