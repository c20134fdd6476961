package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/loquent/callstream/pkg/lease"
	"github.com/loquent/callstream/schema"
)

// holder is a lease.Holder of the test's making; nil functions succeed.
type holder struct {
	acquire func() (string, error)
	renew   func(token string) error
	release func(token string)
}

func (h holder) AcquireLease(context.Context, string, time.Duration) (string, error) {
	if h.acquire == nil {
		return "token", nil
	}
	return h.acquire()
}

func (h holder) RenewLease(_ context.Context, _, token string, _ time.Duration) error {
	if h.renew == nil {
		return nil
	}
	return h.renew(token)
}

func (h holder) ReleaseLease(ctx context.Context, _, token string) error {
	if h.release != nil && ctx.Err() == nil {
		h.release(token)
	}
	return nil
}

// soon is a time to live whose renewals come at once.
const soon = 30 * time.Millisecond

func TestHoldDoesNotBeginWorkOfAnother(t *testing.T) {
	t.Parallel()
	taken := holder{acquire: func() (string, error) { return "", schema.Errorf(schema.Conflict, "taken") }}
	err := lease.Hold(t.Context(), taken, "call", time.Minute, func(context.Context) error {
		t.Error("worked without the lease")
		return nil
	})
	if !errors.Is(err, lease.ErrHeld) || schema.CodeOf(err) != schema.Conflict {
		t.Errorf("got %v, want a conflict that says the lease is held", err)
	}
}

func TestHoldTellsAnOutageFromAHeldLease(t *testing.T) {
	t.Parallel()
	away := holder{acquire: func() (string, error) { return "", schema.Errorf(schema.Unavailable, "database away") }}
	err := lease.Hold(t.Context(), away, "call", time.Minute, func(context.Context) error { return nil })
	if errors.Is(err, lease.ErrHeld) || schema.CodeOf(err) != schema.Unavailable {
		t.Errorf("got %v, want the outage", err)
	}
}

func TestHoldReleasesAlsoWhenTheWorkWasCancelled(t *testing.T) {
	t.Parallel()
	released := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	h := holder{release: func(token string) { released <- token }}
	err := lease.Hold(ctx, h, "call", time.Minute, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, lease.ErrLost) {
		t.Errorf("got %v, want the caller's cancellation", err)
	}
	if got := <-released; got != "token" {
		t.Errorf("released %q", got)
	}
}

func TestHoldReturnsWhatTheWorkReturns(t *testing.T) {
	t.Parallel()
	conflict := schema.Errorf(schema.Conflict, "the work's own")
	err := lease.Hold(t.Context(), holder{}, "call", time.Minute, func(context.Context) error { return conflict })
	if err != conflict { //nolint:errorlint // the very error
		t.Errorf("got %v", err)
	}
}

func TestHoldCancelsWorkThatLostItsLease(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"another has it":    schema.Errorf(schema.Conflict, "another's"),
		"the database away": schema.Errorf(schema.Unavailable, "away"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := holder{renew: func(string) error { return answer }}
			err := lease.Hold(t.Context(), h, "call", soon, func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			if !errors.Is(err, lease.ErrLost) || schema.CodeOf(err) != schema.Conflict {
				t.Errorf("got %v, want a lost lease", err)
			}
		})
	}
}

func TestHoldSurvivesOneMissedRenewal(t *testing.T) {
	t.Parallel()
	renewals := make(chan int, 100)
	count := 0
	h := holder{renew: func(string) error {
		count++
		renewals <- count
		if count == 1 {
			return schema.Errorf(schema.Unavailable, "away for a moment")
		}
		return nil
	}}
	err := lease.Hold(t.Context(), h, "call", soon, func(ctx context.Context) error {
		for n := range renewals {
			if n == 4 || ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("got %v, want the work to go on", err)
	}
}

func TestHoldKeepsWorkThatEndedBeforeItNoticed(t *testing.T) {
	t.Parallel()
	renewed := make(chan struct{}, 100)
	h := holder{renew: func(string) error {
		renewed <- struct{}{}
		return schema.Errorf(schema.Conflict, "another's")
	}}
	err := lease.Hold(t.Context(), h, "call", soon, func(context.Context) error {
		<-renewed // lost, but all is done
		return nil
	})
	if err != nil {
		t.Errorf("got %v, want nil: there is nothing left to undo", err)
	}
}
