package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/loquent/callstream/schema"
)

// double plays Twilio and the transcription service, at once and at no cost
// that matters, and remembers when it was asked for what.
type double struct {
	url    string
	server *http.Server

	size    int64         // bytes of each recording
	chunked bool          // whether their length is not told beforehand
	delay   time.Duration // before audio comes

	mu   sync.Mutex
	seen map[string]time.Time // of each recording's start, by call
}

// newDouble serves until it is closed.
func newDouble(ctx context.Context) (*double, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve Twilio's double: %w", err)
	}
	d := &double{url: "http://" + listener.Addr().String(), seen: map[string]time.Time{}}
	mux := http.NewServeMux()
	const account = "/2010-04-01/Accounts/{account}"
	mux.HandleFunc("GET "+account+"/Calls/{call}/Recordings.json", d.list)
	mux.HandleFunc("POST "+account+"/Calls/{call}/Recordings.json", d.start)
	mux.HandleFunc("GET "+account+"/Recordings/{file}", d.media)
	mux.HandleFunc("POST /v1/audio/transcriptions", d.transcribe)
	d.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = d.server.Serve(listener) }() // ends with close
	return d, nil
}

func (d *double) close() { _ = d.server.Close() }

// env are the variables that have a role take the double for the services.
func (d *double) env() []string {
	return []string{"TWILIO_API_URL=" + d.url, "TWILIO_EVENTS_URL=" + d.url, "OPENAI_BASE_URL=" + d.url + "/v1", "OPENAI_API_KEY=any"}
}

// list answers that a call has no recordings.
func (*double) list(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"recordings":[],"page":0,"page_size":1000,"start":0,"end":0,"next_page_uri":null}`)
}

// start notes when a recording was asked for.
func (d *double) start(w http.ResponseWriter, r *http.Request) {
	call := r.PathValue("call")
	d.mu.Lock()
	if _, again := d.seen[call]; !again {
		d.seen[call] = time.Now()
	}
	d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sid":"%s%s","call_sid":"%s","status":"in-progress","source":"StartCallRecordingAPI","channels":2}`, //nolint:gosec // to callstream, which is no browser
		schema.RecordingPrefix, strings.TrimPrefix(call, schema.CallPrefix), call)
}

// started returns when a recording of the call was asked for.
func (d *double) started(call string) (time.Time, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.seen[call]
	return at, ok
}

// media answers with audio.
func (d *double) media(w http.ResponseWriter, r *http.Request) {
	pause(r.Context(), d.delay)
	w.Header().Set("Content-Type", "audio/mpeg")
	if !d.chunked {
		w.Header().Set("Content-Length", strconv.FormatInt(d.size, 10))
	}
	_, _ = io.Copy(w, newAudio(d.size)) // a client that is gone shows elsewhere
}

// transcribe reads the audio and answers at once.
func (*double) transcribe(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"task":"transcribe","language":"english","duration":300,"text":"Thank you for calling.",`+
		`"segments":[{"id":0,"start":0,"end":2.5,"text":" Thank you for calling."}]}`)
}

// audio is MP3 as Twilio makes it, 32 kbit/s, of silence.
type audio struct {
	block []byte
	left  int64
	at    int
}

// frameSize is the length of a frame of 32 kbit/s at 16 kHz, of 36 ms.
const frameSize = 144

// newAudio returns size bytes of frames; the last may be cut off.
func newAudio(size int64) *audio {
	block := make([]byte, 256*frameSize)
	for i := 0; i < len(block); i += frameSize {
		copy(block[i:], []byte{0xFF, 0xF3, 0x48, 0xC4}) // MPEG-2 layer III, 32 kbit/s, 16 kHz, mono
	}
	return &audio{block: block, left: size}
}

// Read gives the next bytes.
func (a *audio) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), a.left)], a.block[a.at:])
	a.at, a.left = (a.at+n)%len(a.block), a.left-int64(n)
	return n, nil
}
