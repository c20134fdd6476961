package doctor

import "github.com/loquent/callstream/schema"

// TwilioAccount is an account as Twilio knows it.
type TwilioAccount struct {
	SID, Name string
	Status    string // active, suspended or closed
	Type      string // Trial or Full
}

// TwilioNumber is a telephone number of an account.
type TwilioNumber struct {
	SID       string
	Number    string // in E.164
	VoiceURL  string // where Twilio asks what to do with a call; may be empty
	StatusURL string // where it tells of a call's end; may be empty
	TrunkSID  string // of the SIP trunk that takes the calls; the voice URL is then idle
}

// LatestMedia is an account's latest recording and where its audio lies.
type LatestMedia struct {
	Recording schema.RecordingFacts
	Encrypted bool // by a public key of the account's
	External  bool // in a bucket of the account's
}
