package cli_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// signedEvent is a body for Event Streams' route, signed as Twilio does: the
// address alone, with the body's hash in its query.
func signedEvent(t *testing.T, address, route, token, body string) *http.Request {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	separator := "?"
	if strings.Contains(route, "?") {
		separator = "&"
	}
	target := address + route + separator + "bodySHA256=" + hex.EncodeToString(sum[:])
	return signed(t, target, "application/json", token, target, body)
}

// signedForm is a callback, signed as Twilio does: the address and each
// parameter with its value, sorted.
func signedForm(t *testing.T, target, token string, form url.Values) *http.Request {
	t.Helper()
	text := target
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			text += name + value
		}
	}
	return signed(t, target, "application/x-www-form-urlencoded", token, text, form.Encode())
}

func signed(t *testing.T, target, contentType, token, text, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}
