package cli

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
)

func TestServicesStopInReverse(t *testing.T) {
	t.Parallel()
	var order []string // appended to by one service at a time: that is the point
	started := make(chan struct{}, 3)
	record := func(name string) service {
		return service{name, func(ctx context.Context) error {
			started <- struct{}{}
			<-ctx.Done()
			order = append(order, name)
			return nil
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range 3 {
			<-started
		}
		cancel()
	}()
	if err := runServices(ctx, slog.New(slog.DiscardHandler), record("broker"), record("runner"), record("http")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"http", "runner", "broker"}; !slices.Equal(order, want) {
		t.Errorf("stopped in order %v, want %v", order, want)
	}
}

func TestADeadServiceEndsTheProcess(t *testing.T) {
	t.Parallel()
	broken := errors.New("durable is gone")
	stopped := false
	err := runServices(t.Context(), slog.New(slog.DiscardHandler),
		service{"http", func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil }},
		service{"runner", func(context.Context) error { return broken }},
	)
	if !errors.Is(err, broken) || err.Error() != "runner: durable is gone" {
		t.Errorf("error %v, want the dead service's by name", err)
	}
	if !stopped {
		t.Error("the other service was left running")
	}
}
