package simulator

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature is HMAC-SHA1.
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// signForm returns the X-Twilio-Signature of a form POST: HMAC-SHA1, keyed
// with the account's auth token, over the requested URL followed by every
// parameter's name and value in the byte order of the names. Of a repeated
// parameter each distinct value counts once, in order.
func signForm(token, target string, form url.Values) string {
	var text strings.Builder
	text.WriteString(target)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			text.WriteString(name)
			text.WriteString(value)
		}
	}
	return signText(token, text.String())
}

// signJSON returns the URL that a JSON POST goes to, the target with the
// body's hash appended to its query, and the signature of that URL. The body
// itself is not signed: its hash is.
func signJSON(token, target string, body []byte) (signed, signature string) {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	sum := sha256.Sum256(body)
	signed = target + separator + "bodySHA256=" + hex.EncodeToString(sum[:])
	return signed, signText(token, signed)
}

func signText(token, text string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
