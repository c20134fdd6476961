package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// flat is how much more memory than before counts as none.
const flat = 1.2

// replay measures how fast an empty database gets its calls back from the
// stream, beside the consumer that wrote some of them before.
func (b *bench) replay(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx, broker{nodes: 1})
	if err != nil {
		return nil, err
	}
	defer w.close()
	s := newSIDs()
	pairs := b.Events / 2
	first := min(b.size(20_000), pairs/2)
	var live series
	for range 3 {
		rate, _, err := w.merge(ctx, s, first/3)
		if err != nil {
			return nil, err
		}
		live = append(live, rate)
	}
	if err := w.fill(ctx, s, pairs-first/3*3); err != nil {
		return nil, err
	}
	for _, table := range []string{"call", "call_event", "delivery_attempt"} {
		if _, err := w.pool.ExecContext(ctx, "TRUNCATE "+table+" CASCADE"); err != nil {
			return nil, fmt.Errorf("empty %s: %w", table, err)
		}
	}
	began := time.Now()
	r, err := b.launch(w.env(), "replay", "--consumer", consumers.Calls)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	memory, err := r.memory(ctx, 100*time.Millisecond)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	if err := w.checkRows(ctx, pairs); err != nil {
		return nil, err
	}
	n := len(memory)
	early, late := memory[n/8:n/2+1].quantile(1), memory[n/2:].quantile(1)
	rate := against(fmt.Sprintf("call rows from %s events", number(float64(2*pairs))), "events/s", series{float64(2*pairs) / took.Seconds()}, series{live.median()}, "consumer")
	growth := Figure{Name: "memory of the replay, second half", Unit: "MB", Value: late, Limit: early, LimitOf: "MB first half", Ratio: late / max(early, 1), Goal: "flat"}
	return []Figure{rate.atLeast(1), growth.judge(late <= flat*early)}, nil
}

// fill stores the events of n calls from several goroutines.
func (w *world) fill(ctx context.Context, s *sids, n int) error {
	const crew, chunk = 4, 1000
	var left atomic.Int64
	left.Store(int64(n))
	errs := make([]error, crew)
	var group sync.WaitGroup
	for i := range crew {
		group.Go(func() {
			for errs[i] == nil {
				rest := int(left.Add(-chunk)) + chunk
				if rest <= 0 {
					return
				}
				errs[i] = w.publishPairs(ctx, s, min(chunk, rest))
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// memory watches the role's memory until it ends by itself, and well.
func (r *role) memory(ctx context.Context, every time.Duration) (megabytes series, err error) {
	for {
		megabytes = append(megabytes, r.resident())
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(every):
		case <-r.over:
			if !r.command.ProcessState.Success() {
				return nil, schema.Errorf(schema.Internal, "callstream %s: %s\n%s", r.name, r.command.ProcessState, r.output)
			}
			return megabytes, nil
		}
	}
}
