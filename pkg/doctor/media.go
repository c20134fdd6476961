package doctor

import (
	"context"

	"github.com/loquent/callstream/schema"
)

const (
	mediaStorage topic = "media.storage"
	mediaAccess  topic = "media.access"
)

// checkMedia looks at the account's latest recording for what would keep
// callstream from its audio, or let strangers have it.
func checkMedia(ctx context.Context, m Media, a schema.Account) []schema.Finding {
	if m == nil {
		return []schema.Finding{mediaStorage.warning("Run the doctor where Twilio can be reached.", "No look at recordings is configured here.")}
	}
	latest, err := m.LatestRecording(ctx, a)
	switch {
	case schema.CodeOf(err) == schema.NotFound, err == nil && latest == nil:
		return []schema.Finding{mediaStorage.ok("The account has no recording at Twilio now; look again after the next one for encryption, external storage and access without credentials.")}
	case err != nil:
		return []schema.Finding{mediaStorage.unasked(err, "what the account's latest recording is like")}
	}
	storage := storedMedia(*latest)
	if latest.External || latest.Recording.Status != schema.RecordingCompleted {
		return []schema.Finding{storage} // Twilio has no audio that anybody could ask it for, or not yet
	}
	return []schema.Finding{storage, mediaOpen(ctx, m, a, latest.Recording.RecordingSID)}
}

func storedMedia(latest schema.LatestMedia) schema.Finding {
	switch sid := latest.Recording.RecordingSID; {
	case latest.Encrypted:
		return mediaStorage.failed("Turn off recording encryption in the Twilio console under Voice, Settings: recordings made until then stay undecodable here.",
			"The account encrypts its recordings with a public key of its own (%s is), so that callstream gets no audio.", sid)
	case latest.External:
		return mediaStorage.failed("Turn off external S3 storage in the Twilio console under Voice, Settings, so that callstream can fetch recordings and keep them itself.",
			"The account keeps its recordings in an S3 bucket of its own (%s is there), so that Twilio does not give callstream the audio.", sid)
	}
	return mediaStorage.ok("Recordings lie at Twilio and are not encrypted: callstream can fetch them.")
}

func mediaOpen(ctx context.Context, m Media, a schema.Account, recordingSID string) schema.Finding {
	public, err := m.MediaPublic(ctx, a, recordingSID)
	switch {
	case err != nil:
		return mediaAccess.unasked(err, "whether recordings can be had without credentials")
	case public:
		return mediaAccess.warning("Enforce HTTP basic authentication on media URLs in the Twilio console under Voice, Settings; callstream always authenticates.",
			"Whoever knows a recording's address gets its audio from Twilio without credentials.")
	}
	return mediaAccess.ok("Twilio gives recordings to nobody without credentials.")
}
