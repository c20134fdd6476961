package stream

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/loquent/callstream/schema"
)

// errAbandoned is the result of work that did not heed its cancelled context.
var errAbandoned = errors.New("the work did not stop when told to")

// hands run a durable's handler, whichever kind it is, and survive it.
type hands struct {
	handler Handler
	batch   BatchHandler
	abandon chan struct{} // closed when work that ignores its cancelled context is left behind
}

// run gives one message to whichever handler there is.
func (h *hands) run(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = j.traced(ctx)
	if h.handler == nil {
		errs, whole := h.runBatch(ctx, []*job{j})
		return errors.Join(whole, errs[0])
	}
	ctx = WithDelivery(ctx, j.delivery())
	return h.guard(func() error { return h.handler(ctx, j.event) })
}

// runBatch calls the batch handler. The second error is that of the call as a
// whole: a panic, or a number of results that is not that of the messages.
func (h *hands) runBatch(ctx context.Context, jobs []*job) (errs []error, whole error) {
	deliveries := make([]Delivery, len(jobs))
	for i, j := range jobs {
		deliveries[i] = j.delivery()
	}
	var results []error // the handler's, which may outlive the call
	whole = h.guard(func() error {
		got := h.batch(ctx, deliveries)
		if got != nil && len(got) != len(deliveries) {
			return fmt.Errorf("%d results for %d messages", len(got), len(deliveries))
		}
		results = got
		return nil
	})
	if whole != nil || results == nil {
		return make([]error, len(jobs)), whole
	}
	return slices.Clone(results), nil
}

// runTogether hands the messages to the batch handler in one call. If the call
// as a whole fails, one of them may have spoilt it for all, and each is tried
// on its own.
func (h *hands) runTogether(ctx context.Context, jobs []*job) (errs []error, whole error) {
	errs, whole = h.runBatch(ctx, jobs)
	if len(jobs) > 1 && spoilt(errs, whole) && ctx.Err() == nil {
		for i, j := range jobs {
			errs[i] = h.run(ctx, j)
		}
		whole = nil
	}
	return errs, whole
}

// spoilt reports whether a call failed in a way that one message may be to
// blame for. Where every message has its own verdict, or a dependency is away,
// trying each alone would only take time.
func spoilt(errs []error, whole error) bool {
	if whole != nil {
		return true
	}
	plain := false
	for _, err := range errs {
		var v *Verdict
		switch {
		case err == nil:
			return false
		case !errors.As(err, &v) && schema.CodeOf(err) != schema.Unavailable:
			plain = true
		}
	}
	return plain
}

// guard runs fn, turns its panic into an error, and leaves it behind when it
// has been waited for long enough.
func (h *hands) guard(fn func() error) error {
	result := make(chan error, 1)
	go func() {
		defer func() {
			if value := recover(); value != nil {
				result <- &panicError{value, debug.Stack()}
			}
		}()
		result <- fn()
	}()
	select {
	case err := <-result:
		return err
	case <-h.abandon:
		return errAbandoned
	}
}
