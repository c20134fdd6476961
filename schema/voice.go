package schema

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// VoiceAction is what callstream does with a call to an organization's number.
type VoiceAction string

// The actions.
const (
	VoiceForward   VoiceAction = "forward"   // connect the caller to somebody
	VoiceVoicemail VoiceAction = "voicemail" // take a message
)

// VoicePlan says how calls to a number are answered.
type VoicePlan struct {
	Action       VoiceAction `json:"action"`
	To           string      `json:"to,omitempty"`              // forward: a number in E.164, sip:user@host or client:name
	CallerID     string      `json:"caller_id,omitempty"`       // forward: what the called party sees; empty: the caller's own
	RingSeconds  int         `json:"ring_seconds,omitempty"`    // forward: how long to ring; 0: 30
	Announcement string      `json:"announcement,omitempty"`    // said before recording starts, only when it will; empty: nothing
	Greeting     string      `json:"greeting,omitempty"`        // voicemail: said before the tone; empty: a plain one
	MaxSeconds   int         `json:"max_seconds,omitempty"`     // voicemail: longest message; 0: 300
	Language     string      `json:"language,omitempty"`        // of what is said, as "en-US", which is the default
	Unrecorded   string      `json:"unrecorded_text,omitempty"` // voicemail while recording is off: said before hanging up; empty: a plain regret
}

// The limits of a plan. Twilio cuts a message at four hours and rings for ten
// minutes at most; nobody waits so long.
const (
	maxSpoken  = 1000 // bytes of a text that is read out
	maxRing    = 10 * time.Minute
	maxMessage = time.Hour
	maxAddress = 255 // bytes
)

// Validate returns an [Invalid] error that says what is wrong with the plan.
func (p VoicePlan) Validate() error {
	for name, text := range map[string]string{"announcement": p.Announcement, "greeting": p.Greeting, "unrecorded_text": p.Unrecorded} {
		if len(text) > maxSpoken || !utf8.ValidString(text) {
			return Errorf(Invalid, "the %s is longer than %d bytes, or not UTF-8", name, maxSpoken)
		}
	}
	if !languageTag(p.Language) {
		return Errorf(Invalid, "language %q is not a tag like en-US", p.Language)
	}
	switch p.Action {
	case VoiceForward:
		return p.validateForward()
	case VoiceVoicemail:
		if p.To != "" || p.CallerID != "" || p.RingSeconds != 0 {
			return Errorf(Invalid, "voicemail takes no to, caller_id or ring_seconds")
		}
		if p.MaxSeconds < 0 || p.MaxSeconds > int(maxMessage.Seconds()) {
			return Errorf(Invalid, "max_seconds is between 1 and %d", int(maxMessage.Seconds()))
		}
		return nil
	}
	return Errorf(Invalid, "action %q is neither forward nor voicemail", p.Action)
}

func (p VoicePlan) validateForward() error {
	switch {
	case !Dialable(p.To):
		return Errorf(Invalid, "forward needs a to: a number like +15550001111, sip:user@host or client:name, and %q is none", p.To)
	case p.CallerID != "" && !e164(p.CallerID):
		return Errorf(Invalid, "caller_id %q is not a number like +15550001111", p.CallerID)
	case p.RingSeconds < 0 || p.RingSeconds > int(maxRing.Seconds()):
		return Errorf(Invalid, "ring_seconds is between 1 and %d", int(maxRing.Seconds()))
	case p.Greeting != "" || p.MaxSeconds != 0 || p.Unrecorded != "":
		return Errorf(Invalid, "forward takes no greeting, max_seconds or unrecorded_text")
	}
	return nil
}

// Dialable reports whether a call can be forwarded to the address: a number in
// E.164, a SIP address with a user, or a client.
func Dialable(to string) bool {
	if len(to) > maxAddress || !utf8.ValidString(to) || strings.ContainsFunc(to, unfit) {
		return false
	}
	if name, ok := strings.CutPrefix(to, "client:"); ok {
		return name != ""
	}
	for _, scheme := range []string{"sip:", "sips:"} {
		if address, ok := strings.CutPrefix(to, scheme); ok {
			user, host, found := strings.Cut(address, "@")
			return found && user != "" && host != ""
		}
	}
	return e164(to)
}

// unfit reports what no address has: space, what cannot be printed, and what
// quotes or encloses.
func unfit(c rune) bool {
	return c <= ' ' || c == utf8.RuneError || !unicode.IsPrint(c) || strings.ContainsRune(`<>"`, c)
}

// e164 reports a plus sign and 7 to 15 digits (ITU-T E.164 §6).
func e164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && len(digits) >= 7 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// languageTag reports whether s is empty or letters, digits and hyphens.
func languageTag(s string) bool {
	return len(s) <= 20 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}
