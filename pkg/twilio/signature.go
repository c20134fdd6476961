package twilio

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature scheme is HMAC-SHA1, for which SHA-1 still holds
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/loquent/callstream/schema"
)

// SignatureHeader carries the signature of each request that Twilio makes.
const SignatureHeader = "X-Twilio-Signature"

// bodyHash is the query parameter in which Twilio puts the SHA-256 of a body
// that is not a form.
const bodyHash = "bodySHA256"

// Verifier proves that requests come from Twilio. What Twilio signs begins
// with the URL as it is set at Twilio, which only the configuration knows: what
// a request says of its host is the proxy's word, or the sender's.
type Verifier struct {
	BaseURL string // what precedes the request's path in URLs given to Twilio, as https://app.example.com
}

// Verify returns nil when Twilio signed the request with one of the account's
// tokens (primary first; the secondary signs only once it is promoted), and
// when the body is the one that was signed. body is the raw body; r's is not
// read.
//
// Any doubt about the request is Forbidden: no signature, a wrong one, a form
// that cannot be read, a body that no hash covers. Unauthorized says something
// else: no token is known, or only blank ones, so nothing could be proven,
// and the request may well be Twilio's. Internal: BaseURL is not a URL.
//
// The scheme has no time and no nonce: a request proves itself for ever, and
// repeated ones have to be harmless.
func (v Verifier) Verify(tokens []string, r *http.Request, body []byte) error {
	signature, err := base64.StdEncoding.DecodeString(r.Header.Get(SignatureHeader))
	if err != nil || len(signature) != sha1.Size {
		return schema.Errorf(schema.Forbidden, "the request has no signature of Twilio's form")
	}
	signed, err := signedBody(r, body)
	if err != nil {
		return err
	}
	urls, err := v.urls(r.URL)
	if err != nil {
		return err
	}
	return prove(signature, tokens, urls, signed)
}

// prove compares the signature with that of each URL under each token. A blank
// token is passed over: anyone can sign with it.
func prove(signature []byte, tokens, urls []string, signed []byte) error {
	known := false
	for _, token := range tokens {
		if token == "" {
			continue
		}
		known = true
		mac := hmac.New(sha1.New, []byte(token))
		for _, u := range urls {
			mac.Reset()
			mac.Write([]byte(u))
			mac.Write(signed)
			if hmac.Equal(mac.Sum(nil), signature) {
				return nil
			}
		}
	}
	if !known {
		return schema.Errorf(schema.Unauthorized, "no auth token is known, so no signature can be checked")
	}
	return schema.Errorf(schema.Forbidden, "the signature is not of this request, or not by this account's token")
}

// signedBody returns what follows the URL in the signed text: a form's
// parameters; nothing for other bodies, whose hash is in the URL and is
// compared here, and nothing for a request without a body. The hash decides,
// not the content type, which Twilio does not document for event sinks.
func signedBody(r *http.Request, body []byte) ([]byte, error) {
	if claimed, ok := claimedHash(r.URL.RawQuery); ok {
		actual := sha256.Sum256(body)
		if !hmac.Equal(claimed, actual[:]) {
			return nil, schema.Errorf(schema.Forbidden, "the body is not the one that was signed")
		}
		return nil, nil
	}
	switch {
	case isForm(r):
		return signedForm(body)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && len(body) == 0:
		return nil, nil
	}
	return nil, schema.Errorf(schema.Forbidden, "the signature does not cover the body: it is no form, and the URL has no %s", bodyHash)
}

// claimedHash returns the body's hash that the query claims, the last should
// there be several: Twilio appends its own. A hash that is not hexadecimal is
// one that no body has.
func claimedHash(rawQuery string) (hash []byte, ok bool) {
	var err error
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if value, found := strings.CutPrefix(pair, bodyHash+"="); found {
			ok = true
			if hash, err = hex.DecodeString(value); err != nil {
				hash = nil // what was decodable is not a hash
			}
		}
	}
	return hash, ok
}

// isForm reports whether the body is a form, whatever parameters the content
// type has.
func isForm(r *http.Request) bool {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) //nolint:errcheck // an unreadable type is no form
	return mediaType == "application/x-www-form-urlencoded"
}

// parameter is one name and value of a form, decoded.
type parameter struct{ name, value string }

// signedForm returns a form's parameters as they are signed: sorted by name,
// then by value, each pair once, names and values run together. Values count
// as they are, empty or with spaces around them.
func signedForm(body []byte) ([]byte, error) {
	parameters, err := parseForm(string(body))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(parameters, func(a, b parameter) int {
		if order := strings.Compare(a.name, b.name); order != 0 {
			return order
		}
		return strings.Compare(a.value, b.value)
	})
	var text bytes.Buffer
	text.Grow(len(body))
	for _, p := range slices.Compact(parameters) {
		text.WriteString(p.name)
		text.WriteString(p.value)
	}
	return text.Bytes(), nil
}

// parseForm splits a form at & only: a semicolon, at which net/url gives up,
// is part of a value.
func parseForm(body string) ([]parameter, error) {
	parameters := make([]parameter, 0, 1+strings.Count(body, "&"))
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(rawName)
		value, valueErr := url.QueryUnescape(rawValue)
		if nameErr != nil || valueErr != nil {
			return nil, schema.Errorf(schema.Forbidden, "the form cannot be read, so its signature proves nothing")
		}
		parameters = append(parameters, parameter{name, value})
	}
	return parameters, nil
}
