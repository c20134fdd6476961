package stream

import (
	"context"
	"errors"
	"time"
)

// A server may leave a request about a stream unanswered while it is creating
// that very stream; asked again it answers. So each try is bounded, however
// long the caller would wait.
const (
	askTry   = 2 * time.Second
	askTries = 3
)

// ask makes a request about streams and durables, again where nobody answers.
// All of them may be repeated: they look, or say what is to be.
func ask[T any](ctx context.Context, request func(context.Context) (T, error)) (answer T, err error) {
	for range askTries {
		try, cancel := context.WithTimeout(ctx, askTry)
		answer, err = request(try)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}
