// Package mp3 reads the structure of MP3 audio without decoding it: the frames
// of MPEG-1, MPEG-2 and MPEG-2.5 Layer III (ISO/IEC 11172-3 and 13818-3, and
// the low sampling rates that Fraunhofer added), their times and their bounds.
//
// A frame starts at any byte with eleven set bits and says its own length, but
// nothing marks those bits as a header: compressed audio holds the same
// pattern by chance. Every reader here therefore keeps these rules:
//
//   - The first frame, and the first after bytes that made no sense, counts
//     only when another frame of the same kind, a tag or the end follows it.
//   - From there on each frame is found by the length of the one before.
//   - ID3 tags and the Xing, Info or VBRI frame that encoders put first hold no
//     audio: they are skipped and take no time.
//   - What is neither is junk. It is skipped, counted in bytes, and never an
//     error: a damaged recording still has an honest duration.
//   - Memory is constant whatever the length of the stream.
//
// [Meter] measures audio that is on its way elsewhere, [Scanner] reads frame
// by frame, [Split] cuts a recording into uploads, and [IsAudio] tells audio
// from an error page by its first bytes.
//
// Free-format streams (no bitrate in their headers) are not recognised; no
// telephone recording uses them.
package mp3
