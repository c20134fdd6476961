package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// scaling measures what an event costs while stream and database grow, and what
// more processes bring.
func (b *bench) scaling(ctx context.Context) ([]Figure, error) {
	stream, err := b.growStream(ctx)
	if err != nil {
		return nil, fmt.Errorf("a growing stream: %w", err)
	}
	database, err := b.growDatabase(ctx)
	if err != nil {
		return stream, fmt.Errorf("a growing database: %w", err)
	}
	archivers, err := b.growArchivers(ctx)
	return slices.Concat(stream, database, archivers), err
}

// sizes are the steps by which a store grows to most.
func sizes(most int) (steps []int) {
	for n := 10_000; n < most; n *= 10 {
		steps = append(steps, n)
	}
	return append(steps, most)
}

// grown makes the figures of costs by size: each, and how far they lie apart.
func grown(what, unit, of string, steps []int, costs series) (figures []Figure) {
	for i, n := range steps {
		figures = append(figures, alone(fmt.Sprintf("%s with %s %s", what, number(float64(n)), of), unit, series{costs[i]}))
	}
	last := &figures[len(figures)-1]
	last.Limit, last.LimitOf, last.Ratio = costs[0], fmt.Sprintf("with %s", number(float64(steps[0]))), costs[len(costs)-1]/max(costs[0], 1e-9)
	last.Goal = "within 20 % of the smallest"
	*last = last.judge(last.Ratio <= flat)
	return figures
}

// growStream measures the CPU time of an event that is taken in, ingress's and
// the server's.
func (b *bench) growStream(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx, broker{nodes: 1})
	if err != nil {
		return nil, err
	}
	defer w.close()
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	s, steps := newSIDs(), sizes(b.Messages)
	n := b.size(10_000)
	if _, err := saturate(ctx, server.addr, w.posts(s, n, 1)); err != nil { // warms up
		return nil, err
	}
	var costs, memory series
	stored := n
	for _, size := range steps {
		if err := w.pad(ctx, s, size-stored); err != nil {
			return nil, err
		}
		requests, before := w.posts(s, n, 1), w.nats.cpu()+server.cpu()
		if _, err := saturate(ctx, server.addr, requests); err != nil {
			return nil, err
		}
		costs = append(costs, float64((w.nats.cpu()+server.cpu()-before).Microseconds())/float64(n))
		memory = append(memory, w.nats.resident())
		stored = max(size, stored) + n
	}
	figures := grown("an event's CPU", "µs", "messages in the stream", steps, costs)
	return append(figures, alone(fmt.Sprintf("memory of NATS with %s messages", number(float64(b.Messages))), "MB", series{memory[len(memory)-1]})), nil
}

// pad adds n small messages to the stream, each with an id.
func (w *world) pad(ctx context.Context, s *sids, n int) error {
	const window = 4000
	var futures []jetstream.PubAckFuture
	subject, body := schema.KindCallCompleted+"."+w.account.AccountSID, make([]byte, 256)
	for i := range n {
		m := nats.NewMsg(subject)
		m.Data = body
		m.Header.Set(jetstream.MsgIDHeader, s.take("pad:"))
		future, err := w.js.PublishMsgAsync(m)
		if err != nil {
			return fmt.Errorf("fill the stream: %w", err)
		}
		if futures = append(futures, future); len(futures) < window && i+1 < n {
			continue
		}
		select {
		case <-w.js.PublishAsyncComplete():
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, f := range futures {
			select {
			case err := <-f.Err():
				return fmt.Errorf("fill the stream: %w", err)
			default:
			}
		}
		futures = futures[:0]
	}
	return nil
}

// growDatabase measures the CPU time of an event that is merged, the consumer's
// and the servers'.
func (b *bench) growDatabase(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	s, steps := newSIDs(), sizes(b.Messages)
	pairs := b.size(10_000)
	if _, _, err := w.merge(ctx, s, pairs); err != nil { // warms up
		return nil, err
	}
	var costs series
	there := pairs
	for _, size := range steps {
		if err := w.age(ctx, there, size); err != nil {
			return nil, err
		}
		before := w.up.familyCPU()
		_, cpu, err := w.merge(ctx, s, pairs)
		if err != nil {
			return nil, err
		}
		costs = append(costs, cpu+float64((w.up.familyCPU()-before).Microseconds())/float64(2*pairs))
		there = max(there, size) + pairs
	}
	return grown("a merge's CPU, with Postgres and NATS,", "µs/event", "calls in the database", steps, costs), nil
}

// age adds calls with two events each, as far as size.
func (w *world) age(ctx context.Context, from, size int) error {
	_, err := w.pool.ExecContext(ctx, `
		INSERT INTO call (call_sid, account_sid, organization_id, from_number, to_number, direction, leg, phone_number, status, started_at, answered_at, ended_at, duration)
		SELECT 'CA' || md5(i::text), $1, $2::uuid, '+15550001111', '+15005550006', 'inbound', 'inbound', '+15550001111', 'busy', t, t, t, 42
		FROM generate_series($3::int + 1, $4::int) AS i, LATERAL (SELECT now() - i * interval '10 seconds' AS t) AS at`,
		w.account.AccountSID, w.account.OrganizationID, from, size)
	if err == nil {
		_, err = w.pool.ExecContext(ctx, `
			INSERT INTO call_event (call_sid, msg_id, kind, origin, occurred_at, stored_at, stream_seq)
			SELECT 'CA' || md5(i::text), kind || ':CA' || md5(i::text), kind, 'event_stream', now(), now(), i
			FROM generate_series($1::int + 1, $2::int) AS i, unnest(ARRAY['call.answered', 'call.completed']) AS kind`, from, size)
	}
	if err == nil {
		_, err = w.pool.ExecContext(ctx, `ANALYZE call, call_event`)
	}
	if err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	return nil
}

// growArchivers measures how many recordings more processes archive, of five
// minutes each, where Twilio takes its time to answer.
func (b *bench) growArchivers(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	twilio, err := newDouble(ctx)
	if err != nil {
		return nil, err
	}
	defer twilio.close()
	twilio.size, twilio.delay = callSeconds*4000, 500*time.Millisecond
	var figures []Figure
	s, one := newSIDs(), 0.0
	for k := 1; k <= 4; k *= 2 {
		if _, err := w.start(ctx, twilio.env(), "consume", consumers.Archiver); err != nil {
			return figures, err
		}
		if k == 4 {
			if _, err := w.start(ctx, twilio.env(), "consume", consumers.Archiver); err != nil {
				return figures, err
			}
		}
		rate, err := w.archiveRate(ctx, s, b.size(60)*k)
		if err != nil {
			return figures, err
		}
		if k == 1 {
			one = rate
		}
		figures = append(figures, Figure{
			Name: fmt.Sprintf("archived with %d processes of 8 workers", k), Unit: "recordings/s", Value: rate,
			Limit: one, LimitOf: "with 1", Ratio: rate / one,
		})
	}
	figures[0].Note = fmt.Sprintf("each download takes Twilio half a second, so a process is limited to 16/s by its workers; then the %d CPUs are the limit", runtime.NumCPU())
	return figures, nil
}

// archiveRate has n recordings archived and returns how many were a second.
func (w *world) archiveRate(ctx context.Context, s *sids, n int) (float64, error) {
	events, err := w.recordings(ctx, s, n, callSeconds)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := errors.Join(w.store(ctx, events), w.archived(ctx, events)); err != nil {
		return 0, fmt.Errorf("archive %d recordings: %w", n, err)
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
