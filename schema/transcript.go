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
}
