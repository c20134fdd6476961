package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/loquent/callstream/consumers"
)

// settleTime is how long a pipeline in which nothing moves is waited for.
const settleTime = 5 * time.Minute

// rest waits until no durable has anything left to do, or nothing has moved for
// settleTime, and returns how many messages are left then.
func (w *world) rest(ctx context.Context) (left int, err error) {
	last, moved := 0, time.Now()
	for quiet := 0; quiet < 5; quiet++ {
		pause(ctx, 200*time.Millisecond)
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if left, err = w.undone(ctx); err != nil {
			return 0, err
		}
		if left != last {
			last, moved = left, time.Now()
		}
		if left > 0 {
			quiet = -1
		}
		if time.Since(moved) > settleTime && left > 0 {
			return left, nil
		}
	}
	return 0, nil
}

// undone counts the messages that some durable still has to do.
func (w *world) undone(ctx context.Context) (n int, err error) {
	for _, name := range consumers.Names() {
		pending, inFlight, err := w.conn.Lag(ctx, name)
		if err != nil {
			return 0, fmt.Errorf("look at the pipeline: %w", err)
		}
		parked, err := w.db.Parked(ctx, name)
		if err != nil {
			return 0, fmt.Errorf("look at the pipeline: %w", err)
		}
		n += int(pending+inFlight) + parked //nolint:gosec // a count
	}
	return n, nil
}
