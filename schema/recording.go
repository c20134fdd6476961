package schema

import (
	"io"
	"time"
)

// RecordingFacts is what Twilio says of a recording, in a callback, an event
// or its REST API.
type RecordingFacts struct {
	RecordingSID string          `json:"recording_sid"`
	CallSID      string          `json:"call_sid"` // the parent leg of a two-leg call; a trunk leg's own
	Status       RecordingStatus `json:"status"`
	Source       string          `json:"source,omitempty"` // StartCallRecordingAPI, DialVerb, RecordVerb, Trunking, ...: an open set
	Track        string          `json:"track,omitempty"`  // both, inbound, outbound
	Channels     int             `json:"channels,omitempty"`
	Duration     *int            `json:"duration,omitempty"` // seconds; only once completed
	StartedAt    *time.Time      `json:"started_at,omitempty"`
	ErrorCode    int             `json:"error_code,omitempty"` // Twilio's 161xx, for absent and failed
}

// EndedAt returns when the recording ended, which for one that ran to the end
// of its call is the hang-up; false while that is not known.
func (f RecordingFacts) EndedAt() (at time.Time, ok bool) {
	if f.StartedAt == nil || f.Duration == nil {
		return time.Time{}, false
	}
	return f.StartedAt.Add(time.Duration(*f.Duration) * time.Second), true
}

// SourceStartCallRecordingAPI is the source of recordings that were started
// over REST, as the recorder does.
const SourceStartCallRecordingAPI = "StartCallRecordingAPI"

// Media is a recording's audio on its way from Twilio. Whoever receives it
// closes Body.
type Media struct {
	Body        io.ReadCloser // ends in io.EOF only where the sender meant it to; a broken transfer is an error
	Size        int64         // bytes, as announced; -1 when it was not
	ContentType string        // without parameters, as audio/mpeg
}

// Object is a recording's verified copy in S3.
type Object struct {
	URL    string `json:"url"` // s3://bucket/key
	Key    string `json:"key"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

// Waveform is how loud a recording is over its time, for drawing it.
type Waveform struct {
	Duration float64     `json:"duration"` // seconds
	Channels [][]float64 `json:"channels"` // of each, steps of equal length, from 0, silence, to 1
}

// Unexpected says what an organization wants done with audio that its own
// Twilio set-up recorded while call_recording_enabled was off.
type Unexpected string

// The policies for unexpected recordings.
const (
	UnexpectedProcess    Unexpected = "process"    // keep and transcribe it, marked with its source
	UnexpectedQuarantine Unexpected = "quarantine" // keep it, never show or transcribe it
)

// DeletePolicy says how far an organization lets callstream delete recordings
// at Twilio.
type DeletePolicy string

// The delete policies.
const (
	DeleteArchived DeletePolicy = "archived" // every recording whose copy is proven
	DeleteOwn      DeletePolicy = "own"      // only those that callstream itself started
	DeleteNever    DeletePolicy = "never"
)
