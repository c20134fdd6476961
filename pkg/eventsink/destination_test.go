package eventsink

import (
	"testing"

	"github.com/loquent/callstream/schema"
)

// An organization's id cannot break out of its parameter.
func TestDestination(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://a.example", "https://a.example/"} {
		if got, want := destination(base, "a&kind=sms/é", schema.CallEvents), "https://a.example/twilio/events?org=a%26kind%3Dsms%2F%C3%A9&kind=call"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestSameDestination(t *testing.T) {
	t.Parallel()
	const ours = "https://a.example/twilio/events?org=7&kind=call"
	for other, same := range map[string]bool{
		ours: true,
		"https://u:p@A.Example:443/twilio/events?kind=call&org=7": true,
		"HTTPS://a.example/twilio/events?org=%37&kind=call":       true,
		"https://a.example/twilio/events/?org=7&kind=call":        false,
		"https://a.example/twilio/events?org=7&kind=call&x=1":     false,
		"https://a.example/twilio/events?org=7&org=8&kind=call":   false,
		"https://a.example:80/twilio/events?org=7&kind=call":      false,
		"https://a.example/twilio/events?org=7;kind=call":         false,
		"https://a.example/twilio/%65vents?org=7&kind=call":       false, // another path to sign, if the same to serve
		"": false, "://": false, "/twilio/events?org=7&kind=call": false,
	} {
		if sameDestination(ours, other) != same || sameDestination(other, ours) != same {
			t.Errorf("%q: want %t", other, same)
		}
	}
}

// What people see of a URL has no credentials.
func TestWithoutCredentials(t *testing.T) {
	t.Parallel()
	if got := withoutCredentials("https://u:secret@a.example/x?y=1"); got != "https://a.example/x?y=1" {
		t.Error(got)
	}
}
