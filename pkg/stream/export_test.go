package stream

import "time"

// SetTry makes one try of a publish give up after d, so that tests of silence
// are short.
func (c *Conn) SetTry(d time.Duration) { c.patience.try = d }

// BreakAfter is how many silent publishes in a row open the breaker.
const BreakAfter = breakAfter
