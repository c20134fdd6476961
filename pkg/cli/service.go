package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// service is a part of the process that runs until its context ends. One that
// returns earlier ends the process: the orchestrator restarts it whole.
type service struct {
	name string
	run  func(context.Context) error
}

// runServices starts the services in order and, when ctx ends or one of them
// returns, stops them in reverse, each before the next: a service may lean on
// those before it until its very end. It returns the errors of all, the first
// to die first.
func runServices(ctx context.Context, log *slog.Logger, services ...service) error {
	type ended struct {
		index int
		err   error
	}
	exits := make(chan ended, len(services))
	cancels := make([]context.CancelFunc, len(services))
	done := make([]chan struct{}, len(services))
	for i, s := range services {
		// A service outlives ctx until its turn to stop comes.
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		cancels[i], done[i] = cancel, make(chan struct{})
		go func() {
			defer close(done[i])
			err := s.run(own)
			if err != nil {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			exits <- ended{i, err}
		}()
	}

	var errs []error
	received := 0
	select {
	case <-ctx.Done():
	case first := <-exits:
		received++
		errs = append(errs, first.err)
	}
	for i := len(services) - 1; i >= 0; i-- {
		log.Debug("stop", "service", services[i].name)
		cancels[i]()
		<-done[i]
	}
	for range len(services) - received {
		errs = append(errs, (<-exits).err)
	}
	return errors.Join(errs...)
}
