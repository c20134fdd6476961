package schema

// TwilioAccount is an account as Twilio describes it.
type TwilioAccount struct {
	SID    string
	Name   string // as its owner calls it
	Status string // active, suspended or closed
	Type   string // Full or Trial
}

// TwilioNumber is a telephone number of an account, with where Twilio turns
// when it is called.
type TwilioNumber struct {
	SID       string
	Number    string // E.164
	VoiceURL  string // asked what to do with a call; empty: nobody is
	StatusURL string // told of a call's statuses
	TrunkSID  string // of the Elastic SIP trunk that takes its calls instead
}

// LatestMedia is an account's newest recording, with what would hinder copying
// it.
type LatestMedia struct {
	Recording RecordingFacts
	Encrypted bool // with the account's own public key: what is downloaded is ciphertext
	External  bool // stored in a bucket of the account's own, where Twilio's address has nothing
}
