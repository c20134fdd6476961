package mp3

import "bytes"

// IsAudio reports whether prefix, the first bytes of a stream, starts MP3
// audio: with an ID3v2 tag or a frame, and where prefix reaches past that
// frame, another one behind it. It tells a recording from what a server sent
// in its place, such as an error page, JSON or a WAV file; 2 KiB are enough to
// be sure.
func IsAudio(prefix []byte) bool {
	if bytes.HasPrefix(prefix, []byte("ID3")) {
		size := tagSize(prefix)
		if size == 0 || size >= len(prefix) {
			return size > 0
		}
		prefix = prefix[size:]
	}
	header, ok := ParseHeader(prefix)
	if !ok || len(prefix) < header.Size()+HeaderSize {
		return ok
	}
	return confirms(prefix[header.Size():], header)
}
