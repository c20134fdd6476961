package mp3

import "time"

// tally adds up what a stream was seen to hold.
type tally struct {
	frames   int
	channels int
	junk     int64 // bytes
	clock    clock
}

func (t *tally) add(tok token) {
	switch tok.kind {
	case audio:
		t.frames++
		t.channels = max(t.channels, tok.header.Channels)
		t.clock.advance(tok.header)
	case junk:
		t.junk += int64(tok.size)
	case tag, more:
	}
}

// clock adds up playing time in whole samples, since a frame's is rarely a
// whole number of nanoseconds and an hour has many frames.
type clock struct {
	before  time.Duration // stretches at other sampling rates
	samples int64
	rate    int
}

func (c *clock) advance(h Header) {
	if c.rate != h.SampleRate {
		c.before, c.samples, c.rate = c.now(), 0, h.SampleRate
	}
	c.samples += int64(h.Samples())
}

func (c *clock) now() time.Duration {
	if c.rate == 0 {
		return c.before
	}
	seconds, rest := c.samples/int64(c.rate), c.samples%int64(c.rate)
	return c.before + time.Duration(seconds)*time.Second + time.Duration(rest)*time.Second/time.Duration(c.rate)
}
