package mp3

// kind is what a stretch of the stream is.
type kind uint8

const (
	more  kind = iota // cannot tell yet: more bytes are needed
	audio             // one whole frame
	tag               // no audio, but meant to be there
	junk              // neither
)

// token is the next stretch of a stream.
type token struct {
	kind   kind
	size   int    // bytes
	header Header // of an audio token
}

// lookahead is how many bytes the parser needs to decide on any frame: the
// longest one and what must follow it.
const lookahead = maxFrameSize + id3v2HeaderSize

// parser cuts a stream into tokens, wherever its bytes come from. Its zero
// value stands at a stream's start. It is a small value on purpose: a copy is
// a way to ask what if.
//
//	  a header that continues the last          neither header nor tag
//	  ┌──────────┐                              ┌──────────┐
//	  ▼          │     confirmed header         ▼          │
//	┌──────────────┐◀──────────────────────  ┌───────────────┐
//	│   in sync    │                         │  out of sync  │◀── start
//	└──────────────┘  ──────────────────────▶└───────────────┘
//	                    anything else
type parser struct {
	inSync bool
	last   Header           // of the latest frame, when in sync
	raw    [HeaderSize]byte // as it was written: frames mostly begin alike
	skip   int              // bytes left of a tag
}

// next returns the first token of buf, where final says that nothing follows
// buf. Given final or [lookahead] bytes it always gets further, but for an
// empty buf.
func (p *parser) next(buf []byte, final bool) token {
	if len(buf) == 0 || p.skip == 0 && len(buf) < id3v2HeaderSize && !final {
		return token{kind: more}
	}
	if p.skip == 0 && buf[0] != 0xFF {
		p.skip = tagSize(buf)
	}
	if p.skip > 0 {
		n := min(p.skip, len(buf))
		p.skip -= n
		return token{kind: tag, size: n}
	}
	if p.inSync && len(buf) >= HeaderSize && [HeaderSize]byte(buf) == p.raw {
		return p.frame(buf, p.last, final)
	}
	header, ok := ParseHeader(buf)
	if !ok {
		return p.lose(buf)
	}
	return p.frame(buf, header, final)
}

// frame decides on the header that buf starts with.
func (p *parser) frame(buf []byte, h Header, final bool) token {
	size := h.Size()
	known := p.inSync && h.continues(p.last)
	switch {
	case len(buf) < size && final: // cut off
		return p.lose(buf)
	case len(buf) < size, !known && len(buf) < size+id3v2HeaderSize && !final:
		return token{kind: more}
	case !known && !confirms(buf[size:], h):
		return p.lose(buf)
	}
	p.inSync, p.last, p.raw = true, h, [HeaderSize]byte(buf)
	if informative(buf[:size], h) {
		return token{kind: tag, size: size}
	}
	return token{kind: audio, size: size, header: h}
}

// confirms reports whether rest can follow a frame with header h; the end of
// the stream can, too few bytes for a header before it included.
func confirms(rest []byte, h Header) bool {
	next, ok := ParseHeader(rest)
	return len(rest) < HeaderSize || ok && next.continues(h) || tagSize(rest) > 0
}

// lose gives up buf's first byte, and with it those that can start nothing.
func (p *parser) lose(buf []byte) token {
	p.inSync = false
	n := 1
	for n < len(buf) && buf[n] != 0xFF && buf[n] != 'I' && buf[n] != 'T' {
		n++
	}
	return token{kind: junk, size: n}
}
