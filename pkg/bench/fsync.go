package bench

import (
	"context"
	"fmt"
	"time"
)

// Goals of the part: a share of bare publishes, and milliseconds above them.
const (
	fsyncShare  = 0.85
	fsyncExtra  = 5
	pacedEvents = 1000 // a second, where latency is looked at
)

// fsync measures with an fsync before every acknowledgement, on one node and on
// three.
func (b *bench) fsync(ctx context.Context) ([]Figure, error) {
	var figures []Figure
	for _, nodes := range []int{1, 3} {
		some, err := b.fsyncOn(ctx, broker{nodes: nodes, always: true})
		if err != nil {
			return figures, fmt.Errorf("on %d nodes: %w", nodes, err)
		}
		for _, f := range some {
			f.Name = fmt.Sprintf("%s, %d node%s", f.Name, nodes, map[bool]string{true: "s"}[nodes > 1])
			figures = append(figures, f)
		}
	}
	return figures, nil
}

func (b *bench) fsyncOn(ctx context.Context, on broker) ([]Figure, error) {
	w, err := b.world(ctx, on)
	if err != nil {
		return nil, err
	}
	defer w.close()
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	s := newSIDs()
	limit := w.bare(s)
	one, ten := b.size(8_000), b.size(2_000)
	run := func(n, each int) contestant {
		return contestant{fmt.Sprintf("ingress, %d a request", each), func(ctx context.Context, _ bool) (float64, error) {
			o, err := saturate(ctx, server.addr, w.posts(s, n, each))
			return o.rate(n * each), err
		}}
	}
	results, err := b.contest(ctx, b.rounds(), run(one, 1), contestant{"bare", func(ctx context.Context, _ bool) (float64, error) {
		o, err := limit.saturate(ctx, one)
		return o.rate(one), err
	}}, run(ten, 10))
	if err != nil {
		return nil, err
	}
	paced, err := b.paced(ctx, w, server, limit, s)
	if err != nil {
		return nil, err
	}
	return []Figure{
		against("1 event a POST", "events/s", results[0], results[1], "bare, 64 publishers").atLeast(fsyncShare),
		against("10 events a POST", "events/s", results[2], results[1], "bare, 64 publishers"),
		paced,
	}, nil
}

// paced compares the slowest answers at a rate that both keep up with.
func (b *bench) paced(ctx context.Context, w *world, server *role, limit *bare, s *sids) (Figure, error) {
	n := int(b.span(5*time.Second).Seconds() * pacedEvents)
	results, err := b.contest(ctx, min(b.rounds(), 3),
		contestant{"ingress, paced", func(ctx context.Context, _ bool) (float64, error) {
			o, err := pace(ctx, server.addr, w.posts(s, n, 1), pacedEvents)
			return o.latencies.quantile(.99), err
		}},
		contestant{"bare, paced", func(ctx context.Context, _ bool) (float64, error) {
			o, err := limit.pace(ctx, n, pacedEvents)
			return o.latencies.quantile(.99), err
		}})
	if err != nil {
		return Figure{}, err
	}
	f := against("p99 at 1,000 events/s", "ms", results[0], results[1], "ms bare")
	f.Goal = fmt.Sprintf("≤ the limit + %d ms", fsyncExtra)
	return f.judge(f.Value <= f.Limit+fsyncExtra), nil
}
