// Package mp3test makes MP3 audio for tests.
package mp3test

import "time"

// FrameDuration is how long each frame of [Silence] plays.
const FrameDuration = 72 * time.Millisecond

// FrameSize is the length of each of its frames in bytes.
const FrameSize = 288

// Silence returns at least d of silence as a telephone recording is encoded:
// MPEG-2.5 Layer III, 8 kHz, 32 kbit/s (4,000 bytes a second), with one channel
// or two. Any decoder plays it. It is a whole number of frames, so that it
// lasts up to [FrameDuration] longer than d; zero gives no bytes.
func Silence(d time.Duration, channels int) []byte {
	frames := int((d + FrameDuration - 1) / FrameDuration)
	audio := make([]byte, frames*FrameSize)
	for i := range frames {
		copy(audio[i*FrameSize:], header(channels))
	}
	return audio
}

// header starts a frame. All zeros behind it is a frame with no coded values.
func header(channels int) []byte {
	const mono, stereo = 0xC0, 0x00
	mode := byte(stereo)
	if channels == 1 {
		mode = mono
	}
	return []byte{0xFF, 0xE3, 0x48, mode}
}
