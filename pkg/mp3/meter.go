package mp3

import "time"

// Meter measures the MP3 audio that is written to it, as when it stands beside
// a copy in an [io.MultiWriter] or an [io.TeeReader]. Its zero value is ready;
// it allocates nothing. What it returns is right at any moment for the stream
// so far, as though it ended there. It is not safe for concurrent use.
type Meter struct {
	parser parser
	tally  tally
	bytes  int64
	held   int                 // how much of buf waits for more bytes
	buf    [4 * lookahead]byte // more than lookahead, so that Write copies in large pieces
}

// Write measures p. It never fails.
func (m *Meter) Write(p []byte) (int, error) {
	m.bytes += int64(len(p))
	for rest := p; len(rest) > 0; {
		n := copy(m.buf[m.held:], rest)
		rest = rest[n:]
		used := m.parser.tally(&m.tally, m.buf[:m.held+n], false)
		m.held = copy(m.buf[:], m.buf[used:m.held+n])
	}
	return len(p), nil
}

// Bytes returns how many bytes were written, whatever they were.
func (m *Meter) Bytes() int64 { return m.bytes }

// Duration returns the playing time of all whole frames. An encoder's own
// delay and padding, some hundredths of a second, are part of it.
func (m *Meter) Duration() time.Duration {
	t := m.settled()
	return t.clock.now()
}

// Frames returns how many whole frames of audio there were.
func (m *Meter) Frames() int { return m.settled().frames }

// Channels returns 1 or 2, or 0 when there was no audio.
func (m *Meter) Channels() int { return m.settled().channels }

// Junk returns how many bytes were neither audio nor tag, a last frame that is
// cut off included.
func (m *Meter) Junk() int64 { return m.settled().junk }

// settled is the tally if the stream ended here: it decides on what is held
// back, on copies.
func (m *Meter) settled() tally {
	parser, total := m.parser, m.tally
	parser.tally(&total, m.buf[:m.held], true)
	return total
}

// tally adds buf's tokens to total and returns how many bytes they take; with
// final that is all of them.
func (p *parser) tally(total *tally, buf []byte, final bool) (used int) {
	for {
		tok := p.next(buf[used:], final)
		if tok.kind == more {
			return used
		}
		total.add(tok)
		used += tok.size
	}
}
