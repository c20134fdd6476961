package doctor

import "github.com/loquent/callstream/schema"

type (
	TwilioAccount struct{ SID, Name, Status, Type string }
	TwilioNumber  struct{ SID, Number, VoiceURL, StatusURL, TrunkSID string }
	LatestMedia   struct {
		Recording           schema.RecordingFacts
		Encrypted, External bool
	}
)
