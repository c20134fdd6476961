package mp3

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrFrameTooLarge says that a limit leaves no room for even one frame.
var ErrFrameTooLarge = errors.New("a frame is larger than a part may be")

// Limit bounds a part. Zero means no bound.
type Limit struct {
	Bytes    int
	Duration time.Duration
}

// Part is a run of whole frames, playable on its own.
type Part struct {
	Index    int           // from 0
	Start    time.Duration // from the recording's start
	Duration time.Duration
	Frames   int
	Bytes    []byte // valid until yield returns
}

// Split reads MP3 from r and hands it on in parts of whole frames, each as
// large as limit lets it be. Tags and junk are left out, so that the parts
// together can be smaller than r but hold all of its audio. A stream without
// audio has no parts. An error of yield's ends the split and is returned as it
// is; one of r's is wrapped.
//
// Memory: the largest part, and r's buffer.
//
// A frame may keep some of its data in those before it (the bit reservoir: up
// to 511 bytes back). A part's first frames can therefore lack data that the
// part before has, and a decoder then plays them as silence: well under a
// tenth of a second at each cut.
func Split(r io.Reader, limit Limit, yield func(Part) error) error {
	var part Part
	scanner := NewScanner(r)
	for scanner.Scan() {
		frame := scanner.Frame()
		if limit.Bytes > 0 && len(frame.Bytes) > limit.Bytes {
			return fmt.Errorf("split at %s: %w", frame.Start, ErrFrameTooLarge)
		}
		if limit.exceeded(part, frame) {
			if err := yield(part); err != nil {
				return err
			}
			part = Part{Index: part.Index + 1, Start: frame.Start, Bytes: part.Bytes[:0]}
		}
		part.Bytes = append(part.Bytes, frame.Bytes...)
		part.Duration = scanner.Duration() - part.Start
		part.Frames++
	}
	// Before the last part: a stream that broke off must not look complete.
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("split: %w", err)
	}
	if part.Frames == 0 {
		return nil
	}
	return yield(part)
}

// exceeded reports whether part with frame would be over the limit.
func (l Limit) exceeded(part Part, frame Frame) bool {
	return part.Frames > 0 &&
		(l.Bytes > 0 && len(part.Bytes)+len(frame.Bytes) > l.Bytes ||
			l.Duration > 0 && part.Duration+frame.Header.Duration() > l.Duration)
}
