package simulator

import (
	"net/url"
	"testing"
)

// The vectors that Twilio's documentation and helper libraries publish, and
// two for JSON bodies that were computed with openssl.
func TestSignForm(t *testing.T) {
	t.Parallel()
	call := func(caller string, more ...string) url.Values {
		form := url.Values{
			"CallSid": {"CA1234567890ABCDE"}, "Caller": {caller}, "Digits": {"1234"},
			"From": {caller}, "To": {"+18005551212"},
		}
		for i := 0; i < len(more); i += 2 {
			form.Add(more[i], more[i+1])
		}
		return form
	}
	tests := []struct {
		name, target string
		form         url.Values
		want         string
	}{
		{"documentation", "https://example.com/myapp.php?foo=1&bar=2", call("+14158675310"), "L/OH5YylLD5NRKLltdqwSvS0BnU="},
		{"twilio-go", "https://mycompany.com/myapp.php?foo=1&bar=2",
			call("+14158675309", "ReasonConferenceEnded", "test", "Reason", "Participant"), "vOEb5UThFn24KEfnOFLQY2AE5FY="},
		{"twilio-python", "https://mycompany.com/myapp.php?foo=1&bar=2", call("+14158675309"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		{"with a port", "https://mycompany.com:443/myapp.php?foo=1&bar=2", call("+14158675309"), "kvajT1Ptam85bY51eRf/AJRuM3w="},
		{"repeated parameters", "https://mycompany.com/myapp.php?foo=1&bar=2",
			url.Values{"Sid": {"CA123"}, "SidAccount": {"AC123"}, "Digits": {"5678", "1234", "1234"}}, "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := signForm("12345", test.target, test.form); got != test.want {
				t.Errorf("signature %s, want %s", got, test.want)
			}
		})
	}
}

func TestSignFormKeepsSpacesAndEmptyValues(t *testing.T) {
	t.Parallel()
	form := url.Values{
		"CallSid": {"CA00000000000000000000000000000001"}, "CallStatus": {"completed"},
		"CallerName": {" José & Söhne "}, "Empty": {""}, "From": {"+15005550006"}, "To": {"+15005550001"},
	}
	got := signForm("0123456789abcdef0123456789abcdef", "https://app.example.com/twilio/call-status?org=7", form)
	if want := "vcUo/pZgI7iwJxtSAOKLKtw2jjw="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestSignJSON(t *testing.T) {
	t.Parallel()
	const (
		token = "0123456789abcdef0123456789abcdef"
		body  = `[{"type":"com.twilio.eventstreams.test-event","id":"AC00000000000000000000000000000001","data":{"test_id":"t-1"}}]`
		hash  = "bodySHA256=ed3c495a3250131f39c252f0f5499913c0702257bc13ae90d022a03f064be90c"
	)
	tests := []struct{ target, signed, signature string }{
		{"https://app.example.com/twilio/events", "https://app.example.com/twilio/events?" + hash, "hoM1pbQ5fxqcQLpCKHENJViJz7Q="},
		{"https://app.example.com/twilio/events?org=7", "https://app.example.com/twilio/events?org=7&" + hash, "pZek+UBPh/U+CjP0/7IXjUQWoFo="},
		{"https://app.example.com:8443/twilio/events", "https://app.example.com:8443/twilio/events?" + hash, "Y+HO8BKIyFRYeG2itoJfWxUqk2k="},
	}
	for _, test := range tests {
		signed, signature := signJSON(token, test.target, []byte(body))
		if signed != test.signed || signature != test.signature {
			t.Errorf("%s: signed %s as %s, want %s", test.target, signed, signature, test.signature)
		}
	}
}
