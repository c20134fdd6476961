package simulator

import (
	"net/http"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// serveRecordingFile serves a recording's resource, NAME.json, and its media,
// NAME.mp3.
func (s *Simulator) serveRecordingFile(w http.ResponseWriter, r *http.Request) {
	sid, isMedia := strings.CutSuffix(r.PathValue("file"), ".mp3")
	if !isMedia {
		s.endpointHandler(fetchRecordingEndpoint).ServeHTTP(w, r)
		return
	}
	if err := s.authenticate(r); err != nil {
		writeError(w, err)
		return
	}
	params, err := endpoint{params: []string{"RequestedChannels"}}.check(r)
	if err != nil {
		writeError(w, err)
		return
	}
	request := &request{Request: r, params: params, now: time.Now()}
	audio, fault, err := s.media(request, sid)
	if err != nil {
		writeError(w, err)
		return
	}
	if fault == mediaSound {
		s.noteFetched(sid) // Before the last byte is out: its deletion may come right after.
	}
	writeMedia(w, audio, fault)
}

// media finds a recording's audio, which is there once the recording is
// completed and until it is deleted, and what happens to it on the way.
func (s *Simulator) media(r *request, sid string) ([]byte, mediaFault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.findRecording(r, sid, false)
	if err != nil {
		return nil, 0, err
	}
	if found.statusAt(r.now) != schema.RecordingCompleted || s.config.Account.External {
		return nil, 0, notFound(r.Request)
	}
	if r.params.Get("RequestedChannels") == "2" && found.channels == 1 {
		return nil, 0, refuse(http.StatusBadRequest, 16113, "The requested number of channels is not available")
	}
	return s.clips.audio(sid, found.clips), found.nextMediaFault(), nil
}

// noteFetched keeps when a recording's media was first sent whole.
func (s *Simulator) noteFetched(sid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.recordings[sid].fetched.IsZero() {
		return
	}
	if err := s.commit(entry{Fetched: &momentEntry{SID: sid, At: time.Now().UTC()}}); err != nil {
		s.config.Logger.Error("the simulator's journal", "error", err)
	}
}

// What some proxies and services in trouble answer with status 200.
const (
	notFoundLine    = "404 page not found\n"
	unavailablePage = "<html><body><h1>Recording not available</h1></body></html>"
)

// sendBody answers 200 with an announced length, which need not be the body's;
// -1 announces none.
func sendBody(w http.ResponseWriter, contentType string, body []byte, announced int) {
	w.Header().Set("Content-Type", contentType)
	if announced >= 0 {
		w.Header().Set("Content-Length", itoa(announced))
	}
	_, _ = w.Write(body) //nolint:gosec // The bytes are the package's own clips and texts.
}

// writeMedia sends the audio, or what a fault makes of it. A broken transfer
// ends by the connection's end, as it does in life.
func writeMedia(w http.ResponseWriter, audio []byte, fault mediaFault) {
	half := audio[:len(audio)/2]
	switch fault {
	case mediaSound:
		sendBody(w, "audio/mpeg", audio, len(audio))
	case mediaMissing:
		writeError(w, refuse(http.StatusNotFound, 20404, "The requested resource was not found"))
	case mediaCut:
		sendBody(w, "audio/mpeg", half, len(audio))
		panic(http.ErrAbortHandler)
	case mediaCutChunks:
		sendBody(w, "audio/mpeg", half, -1)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case mediaShort:
		sendBody(w, "audio/mpeg", audio[:len(audio)/4], len(audio)/4)
	case mediaEmpty:
		sendBody(w, "audio/mpeg", nil, 0)
	case mediaNotAudio:
		sendBody(w, "audio/mpeg", []byte(notFoundLine), len(notFoundLine))
	case mediaPage:
		sendBody(w, "text/html; charset=utf-8", []byte(unavailablePage), len(unavailablePage))
	case mediaBroken:
		spoil(w, http.StatusInternalServerError)
	case mediaAway:
		spoil(w, http.StatusServiceUnavailable)
	case mediaLimited:
		spoil(w, http.StatusTooManyRequests)
	}
}
