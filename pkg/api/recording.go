package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loquent/callstream/schema"
)

func (a *api) registerRecordings(h huma.API) {
	op := operation("get-recording-media", http.MethodGet, "/api/recordings/{recording_sid}/media", PermissionPlay,
		"A recording's audio, from the archive; answers Range requests")
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The whole recording", Content: map[string]*huma.MediaType{"audio/mpeg": {}}},
		"206": {Description: "The range that was asked for", Content: map[string]*huma.MediaType{"audio/mpeg": {}}},
	}
	huma.Register(h, op, a.getMedia)
}

type mediaInput struct {
	RecordingSID string `path:"recording_sid" pattern:"^RE[0-9a-f]{32}$" doc:"Twilio's recording SID"`
}

// getMedia answers the archived audio. The bytes pass through here, so that a
// browser never sees an address of the bucket's or of Twilio's.
func (a *api) getMedia(ctx context.Context, in *mediaInput) (*huma.StreamResponse, error) {
	record, err := a.Recordings.RecordingRecord(ctx, organization(ctx), in.RecordingSID)
	if err != nil {
		return nil, a.problem(err)
	}
	if record.Object == nil {
		return nil, a.problem(notPlayable(record))
	}
	audio, err := a.Objects.Open(ctx, record.Object.Key)
	if err != nil {
		return nil, a.problem(err)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer func() { _ = audio.Close() }()
		r, w := humago.Unwrap(hctx)
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("ETag", `"`+record.Object.SHA256+`"`)
		w.Header().Set("Cache-Control", "private")
		// No modification time: the ETag is the content's own hash.
		http.ServeContent(w, r, in.RecordingSID+".mp3", time.Time{}, audio)
	}}, nil
}

// notPlayable says why there is nothing to hear.
func notPlayable(r schema.RecordingRecord) error {
	switch {
	case r.Quarantined:
		return schema.Errorf(schema.Forbidden, "recording %s is quarantined: it was made while recording was off", r.RecordingSID)
	case r.Status != schema.RecordingCompleted:
		return schema.Errorf(schema.NotFound, "recording %s has no audio: Twilio says %s", r.RecordingSID, r.Status)
	}
	return schema.Errorf(schema.NotFound, "recording %s is not archived yet; its call's timeline says how far it is", r.RecordingSID)
}
