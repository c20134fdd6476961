package mp3

import "time"

// Version is the MPEG version of a frame.
type Version uint8

// The versions. They differ in sampling rates, bitrates and samples a frame.
const (
	MPEG1  Version = 1 // 32, 44.1 and 48 kHz
	MPEG2  Version = 2 // 16, 22.05 and 24 kHz
	MPEG25 Version = 3 // 8, 11.025 and 12 kHz: telephone speech
)

// HeaderSize is the length of a frame header in bytes.
const HeaderSize = 4

// maxFrameSize is the longest frame there can be: 320 kbit/s at 32 kHz, or 160
// kbit/s at 8 kHz, and a byte of padding.
const maxFrameSize = 1441

// Header is what the four bytes at a frame's start say.
type Header struct {
	Version    Version
	Bitrate    int  // bits a second, of this frame: a VBR stream's differ
	SampleRate int  // Hz
	Channels   int  // 1 or 2
	Padded     bool // the frame is a byte longer
	Protected  bool // a checksum of two bytes follows the header
}

// Bitrates by the header's four bits, in kbit/s. Index 0 is free format and 15
// is forbidden.
var (
	bitrates1 = [16]int{1: 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	bitrates2 = [16]int{1: 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
)

// sampleRates1 are MPEG-1's rates by the header's two bits; each later version
// halves them. Index 3 is reserved.
var sampleRates1 = [4]int{44100, 48000, 32000, 0}

// ParseHeader reads the header at the start of b. It is false for anything that
// cannot start a Layer III frame, and for fewer than [HeaderSize] bytes.
func ParseHeader(b []byte) (Header, bool) {
	if len(b) < HeaderSize || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return Header{}, false
	}
	const layer3, emphasisReserved = 1, 2
	if b[1]>>1&3 != layer3 || b[3]&3 == emphasisReserved {
		return Header{}, false
	}
	h := Header{Channels: 2, Padded: b[2]>>1&1 == 1, Protected: b[1]&1 == 0}
	rates := &bitrates2
	switch b[1] >> 3 & 3 {
	case 0:
		h.Version = MPEG25
	case 2:
		h.Version = MPEG2
	case 3:
		h.Version, rates = MPEG1, &bitrates1
	default:
		return Header{}, false
	}
	h.Bitrate = rates[b[2]>>4] * 1000
	h.SampleRate = sampleRates1[b[2]>>2&3] >> (h.Version - MPEG1)
	if b[3]>>6 == 3 {
		h.Channels = 1
	}
	return h, h.Bitrate > 0 && h.SampleRate > 0
}

// Samples returns how many samples of each channel the frame holds.
func (h Header) Samples() int {
	if h.Version == MPEG1 {
		return 1152
	}
	return 576
}

// Size returns the frame's length in bytes, header included.
func (h Header) Size() int {
	size := h.Samples() / 8 * h.Bitrate / h.SampleRate
	if h.Padded {
		size++
	}
	return size
}

// Duration returns how long the frame plays, rounded down to nanoseconds.
func (h Header) Duration() time.Duration {
	return time.Duration(h.Samples()) * time.Second / time.Duration(h.SampleRate)
}

// continues reports whether a frame with this header can follow one with
// other: within a stream the bitrate changes, but never these.
func (h Header) continues(other Header) bool {
	return h.Version == other.Version && h.SampleRate == other.SampleRate && h.Channels == other.Channels
}

// sideInfo returns the length of the side information behind the header.
func (h Header) sideInfo() int {
	switch {
	case h.Version == MPEG1 && h.Channels == 2:
		return 32
	case h.Version != MPEG1 && h.Channels == 1:
		return 9
	}
	return 17
}
