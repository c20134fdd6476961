package ingress

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/loquent/callstream/schema"
)

// within calls fn and waits for it no longer than limit, or than ctx lives: a
// database that is silent does not let go of its caller by itself. What fn does
// after that is lost. If fn panics the error is Internal, with the stack.
func within[T any](ctx context.Context, limit time.Duration, fn func(context.Context) (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.err = schema.Errorf(schema.Internal, "panic: %v\n%s", p, debug.Stack())
			}
			done <- o
		}()
		o.value, o.err = fn(ctx)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return value, schema.Errorf(schema.Unavailable, "no answer in time: %w", context.Cause(ctx))
	}
}
