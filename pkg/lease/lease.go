package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loquent/callstream/schema"
)

// Holder keeps leases, each a name that one token owns until its time is over.
// AcquireLease and RenewLease return a [schema.Conflict] error when another
// owns the name. The time runs by the holder's clock, not the caller's.
type Holder interface {
	AcquireLease(ctx context.Context, name string, ttl time.Duration) (token string, err error)
	RenewLease(ctx context.Context, name, token string, ttl time.Duration) error
	ReleaseLease(ctx context.Context, name, token string) error
}

// The two ways not to have a lease; tell them apart by errors.Is. Both come as
// [schema.Conflict].
var (
	ErrHeld = errors.New("somebody else holds the lease")       // the work was not begun
	ErrLost = errors.New("the lease could not be kept renewed") // the work was cancelled
)

// Hold runs work while it holds the lease called name, renewing it every third
// of ttl. It returns what work returns; an error that is [ErrHeld] when another
// has the lease; one that is [ErrLost] when the lease was lost under the work
// and the work failed of it.
func Hold(ctx context.Context, h Holder, name string, ttl time.Duration, work func(context.Context) error) error {
	token, err := h.AcquireLease(ctx, name, ttl)
	switch {
	case schema.CodeOf(err) == schema.Conflict:
		return schema.Errorf(schema.Conflict, "lease %s: %w", name, ErrHeld)
	case err != nil:
		return fmt.Errorf("lease %s: %w", name, err)
	}
	defer release(ctx, h, name, token, ttl)

	held, cancel := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		if err := renew(held, h, name, token, ttl); err != nil {
			cancel(err)
		}
	}()
	err = work(held)
	lost := context.Cause(held) // before our own cancel hides it
	cancel(nil)
	<-renewed
	if err != nil && errors.Is(lost, ErrLost) {
		return schema.Errorf(schema.Conflict, "lease %s: %w: %w", name, lost, err)
	}
	return err
}

// renew extends the lease until ctx ends. It returns an [ErrLost] once the
// lease is another's, or after two renewals in a row went unanswered: a third
// would come when another may already hold it.
func renew(ctx context.Context, h Holder, name, token string, ttl time.Duration) error {
	ticker := time.NewTicker(ttl / 3)
	defer ticker.Stop()
	misses := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := renewOnce(ctx, h, name, token, ttl)
		switch code := schema.CodeOf(err); {
		case err == nil:
			misses = 0
			continue
		case ctx.Err() != nil:
			return nil
		case code == schema.Conflict, code == schema.NotFound, misses > 0:
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		misses++
	}
}

// renewOnce gives one renewal a sixth of the lease's time, so that two that
// hang still end before it does.
func renewOnce(ctx context.Context, h Holder, name, token string, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, ttl/6)
	defer cancel()
	return h.RenewLease(ctx, name, token, ttl)
}

// release gives the lease back also when the work was cancelled. Failing does
// no harm: the lease then ends with its time.
func release(ctx context.Context, h Holder, name, token string, ttl time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ttl/3)
	defer cancel()
	_ = h.ReleaseLease(ctx, name, token)
}
