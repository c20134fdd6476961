package stream

import (
	"context"
	"testing"
)

func TestARequestThatNobodyAnswersIsAskedAgain(t *testing.T) {
	t.Parallel()
	asked := 0
	got, err := ask(t.Context(), func(ctx context.Context) (string, error) {
		if asked++; asked == 1 {
			<-ctx.Done() // the server has lost it
			return "", ctx.Err()
		}
		return "info", nil
	})
	if got != "info" || err != nil || asked != 2 {
		t.Errorf("%q, %v after %d requests", got, err, asked)
	}
}

func TestARequestIsNotAskedAgainOnceTheCallerHasGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	_, err := ask(ctx, func(ctx context.Context) (string, error) {
		asked++
		cancel()
		<-ctx.Done()
		return "", ctx.Err()
	})
	if err == nil || asked != 1 {
		t.Errorf("%v after %d requests", err, asked)
	}
}
