package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/loquent/callstream/schema"
)

// maxUpload is OpenAI's limit of an audio upload.
const maxUpload = 26214400

// serveTranscription is OpenAI's POST /v1/audio/transcriptions. It knows the
// clips' words; what it is told of other audio depends on the audio alone.
func (s *Simulator) serveTranscription(w http.ResponseWriter, r *http.Request) {
	if key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || key == "" {
		writeAIError(w, http.StatusUnauthorized, "invalid_request_error", "You didn't provide an API key.")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload+1<<20)
	audio, problem := readUpload(r)
	if problem != "" {
		writeAIError(w, http.StatusBadRequest, "invalid_request_error", problem)
		return
	}
	if len(audio) > maxUpload {
		writeAIError(w, http.StatusRequestEntityTooLarge, "server_error", "Maximum content size limit (26214400) exceeded")
		return
	}
	sum := sha256.Sum256(audio)
	if s.spoilTranscription(w, r, hex.EncodeToString(sum[:])) {
		return
	}
	writeTranscript(w, r.FormValue("response_format"), s.transcribe(audio, sum[:]))
}

// readUpload reads the request's audio, or says what is wrong with it.
func readUpload(r *http.Request) (audio []byte, problem string) {
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, "Could not parse multipart form: " + err.Error()
	}
	defer func() { _ = file.Close() }()
	if r.FormValue("model") == "" {
		return nil, "you must provide a model parameter"
	}
	audio, err = io.ReadAll(file)
	if err != nil || len(audio) == 0 {
		return nil, "Invalid file format."
	}
	return audio, ""
}

// transcribe returns the words of known audio, and for unknown audio ones that
// name it by its hash.
func (s *Simulator) transcribe(audio, sum []byte) schema.Transcript {
	if chosen, ok := s.clips.recognise(audio); ok {
		return s.clips.transcript(chosen)
	}
	text := "Unknown audio " + hex.EncodeToString(sum[:4]) + "."
	seconds := hundredths(float64(len(withoutID3(audio))) / 2000)
	return schema.Transcript{
		Text: text, Language: "english", Duration: seconds,
		Segments: []schema.Segment{{Start: 0, End: seconds, Text: text}},
	}
}

// spoilTranscription meets the first requests for some audio with a fault, and
// reports whether it answered. A slow answer is a fault too.
func (s *Simulator) spoilTranscription(w http.ResponseWriter, r *http.Request, hash string) bool {
	key := "transcription " + hash
	s.mu.Lock()
	seen := s.faults[key]
	s.faults[key]++
	s.mu.Unlock()
	row := s.transcriptionFaults(key)
	if seen >= len(row) {
		return false
	}
	switch row[seen] {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
		writeAIError(w, http.StatusTooManyRequests, "requests", "Rate limit reached for whisper-1")
	case http.StatusInternalServerError:
		writeAIError(w, http.StatusInternalServerError, "server_error", "The server had an error while processing your request.")
	default:
		return !sleep(r.Context(), 1500*time.Millisecond)
	}
	return true
}

// transcriptionFaults draws what happens to the first requests for some audio,
// to three at most; 200 stands for a slow answer.
func (s *Simulator) transcriptionFaults(key string) []int {
	var row []int
	dice := newDice(s.config.Seed, key)
	if happens(dice, s.config.Faults.RateLimit) {
		row = append(row, http.StatusTooManyRequests)
	}
	if happens(dice, s.config.Faults.Errors) {
		row = append(row, http.StatusInternalServerError)
	}
	if happens(dice, s.config.Faults.Delay) {
		row = append(row, http.StatusOK)
	}
	return row
}

// writeTranscript answers in the format that was asked for.
func writeTranscript(w http.ResponseWriter, format string, t schema.Transcript) {
	switch format {
	case "text":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, t.Text+"\n")
	case "", "json":
		writeReply(w, reply{http.StatusOK, map[string]any{"text": t.Text}})
	case "verbose_json":
		writeReply(w, reply{http.StatusOK, verbose(t)})
	default:
		writeAIError(w, http.StatusBadRequest, "invalid_request_error", "response_format "+format+" is not supported")
	}
}

func verbose(t schema.Transcript) map[string]any {
	segments := make([]map[string]any, 0, len(t.Segments))
	for i, segment := range t.Segments {
		segments = append(segments, map[string]any{
			"id": i, "seek": 0, "start": segment.Start, "end": segment.End, "text": " " + segment.Text,
			"tokens": []int{}, "temperature": 0, "avg_logprob": -0.2, "compression_ratio": 1.1, "no_speech_prob": 0.01,
		})
	}
	return map[string]any{
		"task": "transcribe", "language": t.Language, "duration": t.Duration, "text": t.Text, "segments": segments,
	}
}

func writeAIError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": kind, "param": nil, "code": nil,
	}})
}
