package mp3

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Frame is one frame of audio.
type Frame struct {
	Header Header
	Start  time.Duration // from the stream's start
	Bytes  []byte        // header included; valid until the next Scan
}

// Scanner reads a stream's frames one by one, in the manner of a
// [bufio.Scanner].
type Scanner struct {
	r      *bufio.Reader
	parser parser
	tally  tally
	frame  Frame
	err    error
}

// NewScanner returns a Scanner that reads from r through a buffer of 64 KiB.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: bufio.NewReaderSize(r, 64<<10)}
}

// Scan reads up to the next frame. It is false at the stream's end and when
// reading fails; [Scanner.Err] tells which.
func (s *Scanner) Scan() bool {
	for s.err == nil {
		buf, err := s.r.Peek(lookahead)
		if err != nil && err != io.EOF { //nolint:errorlint // a wrapped one is no regular end
			s.err = fmt.Errorf("read audio: %w", err)
			return false
		}
		tok := s.parser.next(buf, err != nil)
		if tok.kind == more {
			return false // the end: Peek brought all that the parser can ask for
		}
		start := s.tally.clock.now()
		s.tally.add(tok)
		// The bytes stay where they are until the next Peek.
		_, _ = s.r.Discard(tok.size)
		if tok.kind == audio {
			s.frame = Frame{Header: tok.header, Start: start, Bytes: buf[:tok.size]}
			return true
		}
	}
	return false
}

// Frame returns the frame that the last Scan found.
func (s *Scanner) Frame() Frame { return s.frame }

// Err returns the error that ended the scan; nil at the stream's end.
func (s *Scanner) Err() error { return s.err }

// Duration returns the playing time of the frames so far.
func (s *Scanner) Duration() time.Duration { return s.tally.clock.now() }

// Frames returns how many frames there were so far.
func (s *Scanner) Frames() int { return s.tally.frames }

// Junk returns how many bytes so far were neither audio nor tag.
func (s *Scanner) Junk() int64 { return s.tally.junk }
