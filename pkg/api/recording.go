package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loquent/callstream/schema"
)

func (a *api) registerRecordings(h huma.API) {
	op := route{
		id: "get-recording-media", method: http.MethodGet, path: "/api/recordings/{recording_sid}/media", permission: PermissionPlay,
		summary: "A recording's audio, from the archive",
		about:   "Answers Range requests. Every playback is in the audit log before its first byte leaves.",
		errors:  []int{http.StatusRequestedRangeNotSatisfiable},
	}.operation()
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The whole recording", Content: map[string]*huma.MediaType{"audio/mpeg": {}}},
		"206": {Description: "The range that was asked for", Content: map[string]*huma.MediaType{"audio/mpeg": {}}},
	}
	huma.Register(h, op, a.getMedia)
	a.registerWaveforms(h)
}

type mediaInput struct {
	RecordingSID string `path:"recording_sid" pattern:"^RE[0-9a-f]{32}$" doc:"Twilio's recording SID"`
	Range        string `header:"Range" maxLength:"256" doc:"A part of the audio (RFC 9110 §14)" example:"bytes=0-65535"`
	head         bool   // nothing but the headers is asked for
}

// Resolve tells HEAD, which plays nothing, from GET.
func (in *mediaInput) Resolve(ctx huma.Context) []error {
	in.head = ctx.Method() == http.MethodHead
	return nil
}

// getMedia answers the archived audio. The bytes pass through here, so that a
// browser never sees an address of the bucket's or of Twilio's. The playback is
// written down once the audio is there to be played and before any of it
// leaves: what cannot be accounted for is not played.
func (a *api) getMedia(ctx context.Context, in *mediaInput) (*huma.StreamResponse, error) {
	record, err := a.Recordings.RecordingRecord(ctx, organization(ctx), in.RecordingSID)
	if err != nil {
		return nil, a.problem(err)
	}
	if record.Quarantined || record.Object == nil {
		return nil, a.problem(notPlayable(record))
	}
	audio, err := a.Objects.Open(ctx, record.Object.Key)
	if err != nil {
		return nil, a.problemOf(err, archiveAway)
	}
	if !in.head {
		if err := a.played(ctx, in); err != nil {
			_ = audio.Close()
			return nil, err
		}
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer func() { _ = audio.Close() }()
		r, w := humago.Unwrap(hctx)
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("ETag", `"`+record.Object.SHA256+`"`)
		// No modification time: the ETag is the content's own hash.
		http.ServeContent(&mediaWriter{ResponseWriter: w}, r, in.RecordingSID+".mp3", time.Time{}, audio)
	}}, nil
}

// mediaWriter puts a problem in the place of the plain text with which
// ServeContent answers a range that the audio has not.
type mediaWriter struct {
	http.ResponseWriter
	refused bool
}

// WriteHeader turns a refusal into a problem.
func (w *mediaWriter) WriteHeader(status int) {
	if w.refused = status >= http.StatusBadRequest; !w.refused {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	writeProblem(w.ResponseWriter, status, "the recording has no such range; Content-Range says how long it is")
}

// Write drops the text of a refusal.
func (w *mediaWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	n, err := w.ResponseWriter.Write(p)
	if err != nil {
		return n, fmt.Errorf("write audio: %w", err)
	}
	return n, nil
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
