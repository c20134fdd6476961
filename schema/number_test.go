package schema_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/loquent/callstream/schema"
)

func TestNormalizeNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ what, in, want string }{
		{"E.164", "+15005550006", "+15005550006"},
		{"spaces around it", "  +15005550006\t", "+15005550006"},
		{"punctuation", "+1 (500) 555-00.06", "+15005550006"},
		{"00 for +", "0049 30 901820", "+4930901820"},
		{"short code", "88222", "88222"},
		{"short code that starts with 00", "00123", "00123"},
		{"national number", "(500) 555-0006", "5005550006"},
		{"alphanumeric sender", "Loquent", "Loquent"},
		{"a plus that is not first", "1+5005550006", "1+5005550006"},

		{"nothing", "", ""},
		{"withheld", "anonymous", ""},
		{"withheld, capital", "Anonymous", ""},
		{"withheld by word", "RESTRICTED", ""},
		{"withheld on the keypad", "+266696687", ""},
		{"withheld on the keypad, without plus", "7378742833", ""},
		{"withheld on the keypad, punctuated", "+266-696-687", ""},
		{"withheld on the keypad, 00 for +", "00266696687", ""},
		{"withheld over SIP", "sip:anonymous@anonymous.invalid", ""},
		{"withheld over SIP, with parameters", "sip:Anonymous@Anonymous.Invalid;transport=udp", ""},

		{"client", "client:alice", "client:alice"},
		{"client keeps its case", "Client:Alice Smith", "client:Alice Smith"},
		{"a client who is called anonymous", "client:anonymous", "client:anonymous"},
		{"SIM", "SIM:DE1234", "sim:DE1234"},
		{"WhatsApp", "whatsapp:+15005550006", "whatsapp:+15005550006"},
		{"SIP", "sip:bob@example.com", "sip:bob@example.com"},
		{"SIP host in lower case, user as it is", "SIP:Bob@Example.COM:5060", "sip:Bob@example.com:5060"},
		{"SIP, a space before the parameters", "sip:bob@example.com ;transport=TLS", "sip:bob@example.com"},
		{"SIP parameters", "sip:+15005550006@pbx.example.com;transport=TLS;edge=x", "sip:+15005550006@pbx.example.com"},
		{"SIP headers", "sip:bob@example.com?X-Call=a@b;c", "sip:bob@example.com"},
		{"SIP parameters of the user", "sip:+1500;phone-context=x@Example.com;lr", "sip:+1500;phone-context=x@example.com"},
		{"SIP without user", "sips:Example.com;lr", "sips:example.com"},
		{"SIP at an IPv6 address", "sip:bob@[2001:DB8::1]:5060", "sip:bob@[2001:db8::1]:5060"},
	} {
		if got := schema.NormalizeNumber(test.in); got != test.want {
			t.Errorf("%s: NormalizeNumber(%q) = %q, want %q", test.what, test.in, got, test.want)
		}
	}
}

// A number is looked up as it was stored, so normalizing must come to rest.
func TestNormalizeNumberIsIdempotent(t *testing.T) {
	t.Parallel()
	numbers := rapid.OneOf(
		rapid.StringMatching(`(sips?|SIP|client|sim)?:?[+]?[0-9 ().-]{0,14}@?[a-zA-Z0-9;?.]{0,8}`),
		rapid.StringMatching(`(00|\+)?(266696687|7378742833|8656696)[ -]?`),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		once := schema.NormalizeNumber(numbers.Draw(t, "number"))
		if twice := schema.NormalizeNumber(once); twice != once {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}
