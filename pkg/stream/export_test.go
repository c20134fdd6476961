package stream

import (
	"context"
	"time"

	"github.com/loquent/callstream/schema"
)

// SetTry makes one try of a publish give up after d, so that tests of silence
// are short.
func (c *Conn) SetTry(d time.Duration) { c.patience.try = d }

// BreakAfter is how many silent publishes in a row open the breaker.
const BreakAfter = breakAfter

// ReadBehindLag reads answered calls up to end by a consumer whose replica, as
// it seems, has none of them yet, and returns how many came.
func (c *Conn) ReadBehindLag(ctx context.Context, end uint64) (n int, err error) {
	s := &scan{
		conn: c, stream: schema.StreamCalls, filters: []string{schema.KindCallAnswered + ".*"}, next: 1, end: end, size: 10, patience: 1,
	}
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	s.pending = 0
	for {
		jobs, err := s.read(ctx)
		if n += len(jobs); err != nil || len(jobs) == 0 {
			return n, err
		}
	}
}
