package bench

import (
	"context"
	"fmt"

	"github.com/loquent/callstream/schema"
)

// Nowhere is a publisher that stores nothing: with it, ingress is the limit of
// its own HTTP server.
type Nowhere struct{}

// Publish forgets the events.
func (Nowhere) Publish(context.Context, ...schema.Event) error { return nil }

// DeadLetter refuses: the benchmark's events are all good.
func (Nowhere) DeadLetter(_ context.Context, letters ...schema.DeadLetter) error {
	return schema.Errorf(schema.Internal, "%d events of the benchmark's were not understood: %s", len(letters), letters[0].Error)
}

// ingestGoals of the part, as shares of the limit and in milliseconds.
const (
	ingestShare = 0.70
	ingestP99   = 15
	batchFactor = 2 // ten events a request, in events a second, to one
)

// ingest measures at the server's own sync interval, where the disk is not the
// limit.
func (b *bench) ingest(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx, broker{nodes: 1})
	if err != nil {
		return nil, err
	}
	defer w.close()
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	deaf, err := w.start(ctx, nil, "bench", "--serve", "decode")
	if err != nil {
		return nil, err
	}
	var p99 series
	s := newSIDs()
	one, ten := b.size(20_000), b.size(4_000)
	run := func(to *role, n, each int, latency *series) contestant {
		return contestant{fmt.Sprintf("%s, %d a request", to.name, each), func(ctx context.Context, warmup bool) (float64, error) {
			o, err := saturate(ctx, to.addr, w.posts(s, n, each))
			if latency != nil && !warmup {
				*latency = append(*latency, o.latencies.quantile(.99))
			}
			return o.rate(n * each), err
		}}
	}
	results, err := b.contest(ctx, b.rounds(), run(server, one, 1, &p99), run(deaf, one, 1, nil), run(server, ten, 10, nil), run(deaf, ten, 10, nil))
	if err != nil {
		return nil, err
	}
	if err := w.stored(ctx, (b.rounds()+1)*(one+10*ten)); err != nil {
		return nil, err
	}
	const without = "storing nothing"
	tenfold := against("10 events a POST", "events/s", results[2], results[0], "with 1 a POST")
	tenfold.Goal = fmt.Sprintf("≥ %d× the figure of 1 a POST", batchFactor)
	return []Figure{
		against("1 event a POST", "events/s", results[0], results[1], without).atLeast(ingestShare),
		alone("p99 at 64 connections, 1 a POST", "ms", p99).atMost(ingestP99),
		tenfold.judge(tenfold.Ratio >= batchFactor),
		against("10 events a POST", "events/s", results[2], results[3], without),
	}, nil
}

// stored checks that the stream holds what was acknowledged.
func (w *world) stored(ctx context.Context, want int) error {
	info, err := w.conn.Info(ctx)
	if err != nil {
		return fmt.Errorf("count what is stored: %w", err)
	}
	if got := int(info.Streams[0].Messages); got != want { //nolint:gosec // fits
		return schema.Errorf(schema.Internal, "%d events were acknowledged and %d are stored", want, got)
	}
	return nil
}
