package bench

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// Goals of the calls consumer: a share of the bare upsert, and a multiple of one
// statement a message.
const (
	mergeShare  = 0.40
	mergeFactor = 10
)

// calls measures the consumer from a stream that is full of events to rows that
// are right, beside bare statements into a table of the same columns.
func (b *bench) calls(ctx context.Context) ([]Figure, error) {
	w, err := b.world(ctx)
	if err != nil {
		return nil, err
	}
	defer w.close()
	table, err := newScratch(ctx, w)
	if err != nil {
		return nil, err
	}
	defer table.drop(ctx)
	pairs, single := b.size(20_000), b.size(2_000)
	s := newSIDs()
	var cpu series
	results, err := b.contest(ctx, b.rounds(),
		contestant{"calls", func(ctx context.Context, warmup bool) (float64, error) {
			rate, each, err := w.merge(ctx, s, pairs)
			if !warmup {
				cpu = append(cpu, each)
			}
			return rate, err
		}},
		contestant{"multi-row upsert", func(ctx context.Context, _ bool) (float64, error) { return table.upsert(ctx, s, pairs, 500) }},
		contestant{"a statement a message", func(ctx context.Context, _ bool) (float64, error) { return table.upsert(ctx, s, single, 1) }})
	if err != nil {
		return nil, err
	}
	tenfold := against("answered + completed, beside single statements", "events/s", results[0], results[2], "one at a time")
	tenfold.Goal = fmt.Sprintf("≥ %d× the limit", mergeFactor)
	return []Figure{
		against("answered + completed events", "events/s", results[0], results[1], "upsert of 500 rows").atLeast(mergeShare),
		tenfold.judge(tenfold.Ratio >= mergeFactor),
		alone("CPU of the consumer", "µs/event", cpu),
	}, nil
}

// merge fills the stream with the answers and ends of n calls and returns at
// what rate the consumer, started then, merges them, and its CPU time an event
// in microseconds.
func (w *world) merge(ctx context.Context, s *sids, n int) (rate, cpu float64, err error) {
	before, err := w.right(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := w.publishPairs(ctx, s, n); err != nil {
		return 0, 0, err
	}
	r, err := w.bench.launch(w.env(), "consume", consumers.Calls)
	if err != nil {
		return 0, 0, err
	}
	defer r.stop()
	// The clock runs from the first batch: starting a process is not merging.
	left, err := w.drain(ctx, consumers.Calls, 2*n-1)
	if err != nil {
		return 0, 0, err
	}
	idle, began := r.cpu(), time.Now()
	if _, err := w.drain(ctx, consumers.Calls, 0); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	if err := w.checkRows(ctx, before+n); err != nil {
		return 0, 0, err
	}
	return float64(left) / took.Seconds(), float64((r.cpu() - idle).Microseconds()) / float64(left), nil
}

// publishPairs stores the answers and ends of n calls in the stream.
func (w *world) publishPairs(ctx context.Context, s *sids, n int) error {
	const chunk = 250
	at := time.Now().UTC().Truncate(time.Second)
	for done := 0; done < n; done += chunk {
		var events []schema.Event
		for range min(chunk, n-done) {
			answered, completed := w.pair(s.take(schema.CallPrefix), at)
			events = append(events, answered, completed)
		}
		if err := w.store(ctx, events); err != nil {
			return err
		}
	}
	return nil
}

// store stores events, however slow the disk is.
func (w *world) store(ctx context.Context, events []schema.Event) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := w.conn.Publish(ctx, events...); err != nil {
		return fmt.Errorf("fill the stream: %w", err)
	}
	return nil
}

// pair returns a call's answer and end, with the source event in each that
// ingress would keep.
func (w *world) pair(callSID string, at time.Time) (schema.CallAnswered, schema.CallCompleted) {
	header := schema.Header{AccountSID: w.account.AccountSID, OrganizationID: w.account.OrganizationID, OccurredAt: at, Origin: schema.OriginEventStream}
	facts := schema.CallFacts{CallSID: callSID, From: ownNumber, To: "+15005550006", Leg: schema.LegOutboundAPI}
	answered, completed := schema.CallAnswered{Header: header, Call: facts}, schema.CallCompleted{Header: header, Call: facts}
	ended, duration := at.Add(42*time.Second), 42
	answered.Call.Status, answered.Call.AnsweredAt = schema.StatusInProgress, &at
	completed.Call.Status, completed.Call.EndedAt, completed.Call.Duration = schema.StatusCompleted, &ended, &duration
	answered.SourceEvent, completed.SourceEvent = []byte(w.answered(callSID)), []byte(w.completed(callSID))
	return answered, completed
}

// drain waits until a durable has at most so many messages left, delivered or
// not, and returns how many it has.
func (w *world) drain(ctx context.Context, durable string, most int) (int, error) {
	calls, err := w.js.Stream(ctx, schema.StreamCalls)
	if err != nil {
		return 0, fmt.Errorf("look at the stream: %w", err)
	}
	consumer, err := calls.Consumer(ctx, durable)
	if err != nil {
		return 0, fmt.Errorf("look at durable %s: %w", durable, err)
	}
	deadline := time.Now().Add(10 * time.Minute)
	for {
		info, err := consumer.Info(ctx)
		if err != nil {
			return 0, fmt.Errorf("look at durable %s: %w", durable, err)
		}
		left := int(info.NumPending) + info.NumAckPending //nolint:gosec // fits
		switch {
		case left <= most:
			return left, nil
		case time.Now().After(deadline):
			return left, schema.Errorf(schema.Internal, "durable %s still has %d messages to go", durable, left)
		}
		select {
		case <-ctx.Done():
			return left, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// right counts the calls whose rows say all that was told.
func (w *world) right(ctx context.Context) (n int, err error) {
	err = w.pool.QueryRowContext(ctx, `SELECT count(*) FROM call WHERE organization_id = $1 AND status = 'completed' AND direction = 'outbound'
		AND phone_number = $2 AND answered_at IS NOT NULL AND ended_at IS NOT NULL AND duration = 42`, w.account.OrganizationID, ownNumber).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("check rows: %w", err)
	}
	return n, nil
}

// checkRows looks whether so many rows are right.
func (w *world) checkRows(ctx context.Context, want int) error {
	n, err := w.right(ctx)
	if err == nil && n != want {
		err = schema.Errorf(schema.Internal, "of %d rows %d are right", want, n)
	}
	return err
}

// scratch is a table of calls for bare statements.
type scratch struct{ pool *sql.DB }

// columns are those that the answer and the end of a call fill.
const columns = `call_sid, account_sid, organization_id, from_number, to_number, direction, leg, phone_number, status, answered_at, ended_at, duration`

func newScratch(ctx context.Context, w *world) (*scratch, error) {
	s := &scratch{w.pool}
	s.drop(ctx)
	if _, err := s.pool.ExecContext(ctx, `CREATE TABLE bench_call (LIKE call INCLUDING ALL)`); err != nil {
		return nil, fmt.Errorf("make a table: %w", err)
	}
	return s, nil
}

func (s *scratch) drop(ctx context.Context) {
	_, _ = s.pool.ExecContext(context.WithoutCancel(ctx), `DROP TABLE IF EXISTS bench_call`) // at worst it stays in a bench's database
}

// upsert writes the answers and then the ends of n calls, so many rows a
// statement, and returns the rate. Answers and ends are as far apart as in the
// stream: in one statement each call has one row.
func (s *scratch) upsert(ctx context.Context, ids *sids, n, each int) (float64, error) {
	statement, err := s.pool.PrepareContext(ctx, `
		INSERT INTO bench_call AS c (`+columns+`)
		SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::call_leg[], $8::text[],
			$9::call_status[], $10::timestamptz[], $11::timestamptz[], $12::int[])
		ON CONFLICT (call_sid) DO UPDATE SET
			status      = GREATEST(c.status, EXCLUDED.status),
			answered_at = LEAST(c.answered_at, EXCLUDED.answered_at),
			ended_at    = GREATEST(c.ended_at, EXCLUDED.ended_at),
			duration    = GREATEST(c.duration, EXCLUDED.duration),
			updated_at  = now()`)
	if err != nil {
		return 0, fmt.Errorf("prepare: %w", err)
	}
	defer func() { _ = statement.Close() }()
	calls := make([]string, n)
	for i := range calls {
		calls[i] = ids.take(schema.CallPrefix)
	}
	began := time.Now()
	for done := 0; done < n; done += each {
		some := calls[done:min(done+each, n)]
		for _, end := range []bool{false, true} {
			if _, err := statement.ExecContext(ctx, rowsOf(some, end)...); err != nil {
				return 0, fmt.Errorf("upsert: %w", err)
			}
		}
	}
	return float64(2*n) / time.Since(began).Seconds(), nil
}

// rowsOf returns the columns of the calls' answers or ends.
func rowsOf(calls []string, end bool) []any {
	fill := func(value string) any {
		values := make([]string, len(calls))
		for i := range values {
			values[i] = value
		}
		return pq.Array(values)
	}
	nothing := func() any { return pq.Array(make([]sql.NullString, len(calls))) }
	at := time.Now().UTC().Format(time.RFC3339)
	status, answered, ended, duration := fill("in-progress"), fill(at), nothing(), nothing()
	if end {
		status, answered, ended, duration = fill("completed"), nothing(), fill(at), fill("42")
	}
	return []any{
		pq.Array(calls), fill("AC00000000000000000000000000000001"), fill("00000000-0000-0000-0000-000000000001"), fill(ownNumber),
		fill("+15005550006"), fill("outbound"), fill("outbound-api"), fill(ownNumber), status, answered, ended, duration,
	}
}
