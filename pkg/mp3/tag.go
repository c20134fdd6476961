package mp3

import "bytes"

const (
	id3v1Size       = 128 // at a file's end
	id3v2HeaderSize = 10  // at its start; the header says how much follows
)

// tagSize returns the length of the ID3 tag at the start of b, all of it, or
// zero when there is none. It needs id3v2HeaderSize bytes to be sure.
func tagSize(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("TAG")):
		return id3v1Size
	case len(b) < id3v2HeaderSize || !bytes.HasPrefix(b, []byte("ID3")):
		return 0
	case b[3] == 0xFF || b[4] == 0xFF || b[5]&0x0F != 0:
		return 0 // not a version, or flags that no version defines
	}
	// Seven bits a byte, so that a size never looks like a frame header.
	size := 0
	for _, digit := range b[6:10] {
		if digit >= 0x80 {
			return 0
		}
		size = size<<7 | int(digit)
	}
	const footer = 0x10
	if b[5]&footer != 0 {
		size += id3v2HeaderSize
	}
	return id3v2HeaderSize + size
}

// informative reports whether the frame describes the stream and holds no
// audio. Xing's (Info in a constant bitrate) stands where the first frame's
// data would start, VBRI's at a fixed place.
func informative(frame []byte, h Header) bool {
	const vbri = 32
	at := HeaderSize + h.sideInfo()
	return marked(frame, at, "Xing") || marked(frame, at, "Info") || marked(frame, HeaderSize+vbri, "VBRI")
}

func marked(frame []byte, at int, mark string) bool {
	return len(frame) >= at && bytes.HasPrefix(frame[at:], []byte(mark))
}
