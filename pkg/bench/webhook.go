package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// Goals of the part. The rate is three times what the fastest general pipeline
// reached on two cores, in its own run; CPU time carries over between machines
// better than a rate does.
const (
	webhookRate = 3 * 2600
	webhookCPU  = 120 // µs an event, of ingress and the consumer
)

// webhook measures the way from webhook to row with everything on one machine
// busy: the events of a call's answer and end, each a request.
func (b *bench) webhook(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx, broker{nodes: 1})
	if err != nil {
		return nil, err
	}
	defer w.close()
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	consumer, err := w.start(ctx, nil, "consume", consumers.Calls)
	if err != nil {
		return nil, err
	}
	s, pairs := newSIDs(), b.size(10_000)
	var cpu, ingress series
	results, err := b.contest(ctx, b.rounds(), contestant{"webhook to row", func(ctx context.Context, warmup bool) (float64, error) {
		requests := w.pairPosts(s, pairs)
		before, err := w.right(ctx)
		if err != nil {
			return 0, err
		}
		serving, consuming, began := server.cpu(), consumer.cpu(), time.Now()
		if _, err := saturate(ctx, server.addr, requests); err != nil {
			return 0, err
		}
		if _, err := w.drain(ctx, consumers.Calls, 0); err != nil {
			return 0, err
		}
		took, n := time.Since(began), float64(2*pairs)
		serving, consuming = server.cpu()-serving, consumer.cpu()-consuming
		if !warmup {
			cpu = append(cpu, float64((serving+consuming).Microseconds())/n)
			ingress = append(ingress, float64(serving.Microseconds())/n)
		}
		return n / took.Seconds(), w.checkRows(ctx, before+pairs)
	}})
	if err != nil {
		return nil, err
	}
	rate := alone("webhook to row, saturated", "events/s", results[0])
	rate.Goal = fmt.Sprintf("≥ %s events/s", number(webhookRate))
	return []Figure{
		rate.judge(rate.Value >= webhookRate),
		alone("CPU of ingress and consumer", "µs/event", cpu).atMost(webhookCPU),
		alone("ingress's part of it", "µs/event", ingress),
	}, nil
}

// pairPosts returns requests with the answers and ends of n calls, one event
// each. A call's end is not next to its answer: both are under way at a time.
func (w *world) pairPosts(s *sids, n int) [][]byte {
	const apart = 1000 // calls
	requests, calls := make([][]byte, 0, 2*n), make([]string, n)
	for i := range calls {
		calls[i] = s.take(schema.CallPrefix)
	}
	for i := range n + apart {
		if i < n {
			requests = append(requests, w.post(w.answered(calls[i])))
		}
		if done := i - apart; done >= 0 && done < n {
			requests = append(requests, w.post(w.completed(calls[done])))
		}
	}
	return requests
}
