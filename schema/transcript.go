package schema

// Transcript is a recording's text.
type Transcript struct {
	Text     string    `json:"text"`
	Language string    `json:"language,omitempty"`
	Model    string    `json:"model"`
	Duration float64   `json:"duration"` // seconds of audio, by the transcriber's measure
	Segments []Segment `json:"segments"`
}

// Segment is a stretch of speech with its times from the recording's start.
type Segment struct {
	Start float64 `json:"start"` // seconds
	End   float64 `json:"end"`   // seconds
	Text  string  `json:"text"`

	// Channel is the recording's channel on which it is spoken, 1 or 2; 0 when there
	// is only one or it is not clear.
	Channel int `json:"channel,omitempty"`
}
