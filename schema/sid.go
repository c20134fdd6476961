package schema

import "strings"

// The two-letter prefixes of Twilio's SIDs that callstream handles.
const (
	AccountPrefix      = "AC"
	CallPrefix         = "CA"
	RecordingPrefix    = "RE"
	MessagePrefix      = "SM"
	MediaMessagePrefix = "MM"
	SinkPrefix         = "DG"
	SubscriptionPrefix = "DF"
	TrunkPrefix        = "TK"
	NumberPrefix       = "PN"
)

// ValidSID reports whether sid is a Twilio SID of one of the given kinds: the
// prefix followed by 32 lower-case hexadecimal digits. Every SID passes here
// before it becomes a subject token, a message id, an object key or a URL.
func ValidSID(sid string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if digits, ok := strings.CutPrefix(sid, prefix); ok && len(digits) == 32 && isLowerHex(digits) {
			return true
		}
	}
	return false
}

// CheckSID returns an [Invalid] error that names field unless sid is a SID of
// one of the given kinds.
func CheckSID(field, sid string, prefixes ...string) error {
	if ValidSID(sid, prefixes...) {
		return nil
	}
	return Errorf(Invalid, "%s %q is not a SID (%s and 32 hexadecimal digits)", field, sid, strings.Join(prefixes, " or "))
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
