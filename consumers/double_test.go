package consumers_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/loquent/callstream/pkg/mp3/mp3test"
	"github.com/loquent/callstream/schema"
)

// double is Twilio and the transcription service: it remembers what it was
// asked, and does what a test has it do.
type double struct {
	fetch    func(callSID string) (schema.CallFacts, error)
	onStart  func() // while a recording starts
	download func(recordingSID string) (schema.Media, error)

	mu         sync.Mutex
	recordings map[string][]schema.RecordingFacts // by call
	starts     map[string]int                     // by call
	downloads  map[string]int                     // by recording
	heard      int
	deleted    map[string]int // by recording
}

func newDouble() *double {
	return &double{
		fetch: func(string) (schema.CallFacts, error) {
			return schema.CallFacts{}, schema.Errorf(schema.NotFound, "Twilio answered 404")
		},
		onStart:    func() {},
		download:   func(string) (schema.Media, error) { return speech(), nil },
		recordings: map[string][]schema.RecordingFacts{},
		starts:     map[string]int{},
		downloads:  map[string]int{},
		deleted:    map[string]int{},
	}
}

// speech is ten seconds of audio.
func speech() schema.Media {
	audio := mp3test.Silence(10*time.Second, 1)
	return schema.Media{Body: io.NopCloser(bytes.NewReader(audio)), Size: int64(len(audio)), ContentType: "audio/mpeg"}
}

func (d *double) FetchCall(_ context.Context, _ schema.Account, callSID string) (schema.CallFacts, error) {
	return d.fetch(callSID)
}

func (d *double) ListCallRecordings(_ context.Context, _ schema.Account, callSID string) ([]schema.RecordingFacts, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recordings[callSID], nil
}

func (d *double) FetchRecording(context.Context, schema.Account, string) (schema.RecordingFacts, error) {
	return schema.RecordingFacts{}, schema.Errorf(schema.NotFound, "Twilio answered 404")
}

func (d *double) StartCallRecording(_ context.Context, _ schema.Account, callSID, _ string) (schema.RecordingFacts, error) {
	d.onStart()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.starts[callSID]++
	r := schema.RecordingFacts{
		RecordingSID: sid(schema.RecordingPrefix), CallSID: callSID,
		Status: schema.RecordingInProgress, Source: schema.SourceStartCallRecordingAPI,
	}
	d.recordings[callSID] = append(d.recordings[callSID], r)
	return r, nil
}

func (d *double) DownloadMedia(_ context.Context, _ schema.Account, recordingSID string) (schema.Media, error) {
	d.mu.Lock()
	d.downloads[recordingSID]++
	d.mu.Unlock()
	return d.download(recordingSID)
}

func (d *double) DeleteRecording(_ context.Context, _ schema.Account, recordingSID string) (alreadyGone bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deleted[recordingSID]++
	return d.deleted[recordingSID] > 1, nil
}

func (d *double) Transcribe(_ context.Context, audio io.Reader, _ int64) (schema.Transcript, error) {
	if _, err := io.Copy(io.Discard, audio); err != nil {
		return schema.Transcript{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard++
	return schema.Transcript{Text: "good morning", Model: "double", Duration: 10, Segments: []schema.Segment{{End: 10, Text: "good morning"}}}, nil
}

// counts returns how often the call was recorded, and the recording fetched and
// deleted.
func (d *double) counts(callSID, recordingSID string) (starts, downloads, deletions int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.starts[callSID], d.downloads[recordingSID], d.deleted[recordingSID]
}
