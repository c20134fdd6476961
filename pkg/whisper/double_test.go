package whisper_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/mp3"
	"github.com/loquent/callstream/pkg/whisper"
)

const testKey = "sk-test-0123456789"

// upload is one request as the service sees it.
type upload struct {
	number      int // from 1
	size        int64
	model       string
	format      string
	chunking    string
	file        string
	contentType string
	audio       []byte
	length      time.Duration
}

// double is the transcription service: it takes what OpenAI's takes, refuses
// what it refuses, and answers as the test says.
type double struct {
	*httptest.Server
	answer func(w http.ResponseWriter, u upload)

	mu      sync.Mutex
	uploads []upload
}

func newDouble(t testing.TB, answer func(http.ResponseWriter, upload)) *double {
	t.Helper()
	d := &double{answer: answer}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/audio/transcriptions", d.transcriptions)
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func (d *double) transcriptions(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		refuse(w, http.StatusUnauthorized, "invalid_api_key", "Incorrect API key provided: "+r.Header.Get("Authorization"))
		return
	}
	u, err := parse(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	d.mu.Lock()
	u.number = len(d.uploads) + 1
	d.uploads = append(d.uploads, u)
	d.mu.Unlock()
	if u.size > 25<<20 {
		refuse(w, http.StatusRequestEntityTooLarge, "", fmt.Sprintf("Maximum content size limit (26214400) exceeded (%d bytes read)", u.size))
		return
	}
	d.answer(w, u)
}

// parse reads the form, whose size is that of the whole body.
func parse(r *http.Request) (upload, error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return upload{}, err
	}
	u := upload{size: r.ContentLength}
	form := multipart.NewReader(r.Body, params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return u, nil
		} else if err != nil {
			return u, err
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return u, err
		}
		switch part.FormName() {
		case "model":
			u.model = string(value)
		case "response_format":
			u.format = string(value)
		case "chunking_strategy":
			u.chunking = string(value)
		case "file":
			var meter mp3.Meter
			_, _ = meter.Write(value)
			u.file, u.contentType, u.audio, u.length = part.FileName(), part.Header.Get("Content-Type"), value, meter.Duration()
		default:
			return u, fmt.Errorf("Unrecognized request argument supplied: %s", part.FormName())
		}
	}
}

func (d *double) seen() []upload {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.uploads
}

// refuse answers as OpenAI does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	var c any
	if code != "" {
		c = code
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": "invalid_request_error", "param": nil, "code": c,
	}})
}

type segment struct {
	Start        float64 `json:"start"`
	End          float64 `json:"end"`
	Text         string  `json:"text"`
	NoSpeechProb float64 `json:"no_speech_prob"`
	AvgLogprob   float64 `json:"avg_logprob"`
}

// verbose answers in verbose_json.
func verbose(w http.ResponseWriter, u upload, text string, segments ...segment) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"task": "transcribe", "language": "english", "duration": u.length.Seconds(), "text": text, "segments": segments,
	})
}

// newClient is a client of d's, changed by change unless that is nil.
func newClient(t testing.TB, d *double, change func(*whisper.Config)) *whisper.Client {
	t.Helper()
	config := whisper.Config{BaseURL: d.URL + "/v1", APIKey: testKey}
	if change != nil {
		change(&config)
	}
	client, err := whisper.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
