package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// Goals of the part.
const (
	answerRate = 200 // answered calls a second
	answerP99  = 10  // ms
)

// answer measures how long an answered call waits for the request that starts
// its recording. Everything that is promised lies between: the event is stored,
// the decision is marked, Twilio's list was looked at.
func (b *bench) answer(ctx context.Context) ([]Figure, error) {
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
	server, err := w.start(ctx, nil, "ingress")
	if err != nil {
		return nil, err
	}
	// As in a deployment each durable has its own process: the calls' rows are
	// written at the same time.
	for _, name := range []string{consumers.Calls, consumers.Recorder} {
		if _, err := w.start(ctx, twilio.env(), "consume", name); err != nil {
			return nil, err
		}
	}
	a := &answering{world: w, twilio: twilio, server: server, sids: newSIDs()}
	n := int(b.span(10*time.Second).Seconds() * answerRate)
	var median, inboundMedian series
	results, err := b.contest(ctx, min(b.rounds(), 3),
		contestant{"outbound", func(ctx context.Context, warmup bool) (float64, error) {
			return a.round(ctx, n, "outbound-api", warmup, &median)
		}},
		contestant{"inbound", func(ctx context.Context, warmup bool) (float64, error) {
			return a.round(ctx, n, "inbound", warmup, &inboundMedian)
		}})
	if err != nil {
		return nil, err
	}
	inbound := alone("the same, inbound, p99", "ms", results[1])
	inbound.Note = "an inbound call waits for its row: the decision of a call that callstream's TwiML answered is stored by then"
	return []Figure{
		alone(fmt.Sprintf("answered to record request, %d calls/s, p50", answerRate), "ms", median),
		alone(fmt.Sprintf("answered to record request, %d calls/s, p99", answerRate), "ms", results[0]).atMost(answerP99),
		alone("the same, inbound, p50", "ms", inboundMedian),
		inbound.atMost(answerP99),
	}, nil
}

// answering is the part at work.
type answering struct {
	*world
	twilio *double
	server *role
	sids   *sids
}

// round has n calls answered, at the rate, and returns the 99th percentile in
// milliseconds of what each waited.
func (a *answering) round(ctx context.Context, n int, leg string, warmup bool, median *series) (float64, error) {
	requests, calls := make([][]byte, n), make([]string, n)
	for i := range requests {
		calls[i] = a.sids.take(schema.CallPrefix)
		event := strings.ReplaceAll(a.answered(calls[i]), `"Direction":"outbound-api"`, `"Direction":"`+leg+`"`)
		requests[i] = a.post(event)
	}
	began := time.Now().Add(20 * time.Millisecond)
	due := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second / answerRate) }
	if _, err := send(ctx, a.server.addr, requests, due); err != nil {
		return 0, err
	}
	var waited series
	for i, call := range calls {
		at, err := a.await(ctx, call)
		if err != nil {
			return 0, err
		}
		waited = append(waited, float64(at.Sub(due(i)))/float64(time.Millisecond))
	}
	if !warmup {
		*median = append(*median, waited.quantile(.5))
	}
	return waited.quantile(.99), nil
}

// await returns when the call's recording was asked for.
func (a *answering) await(ctx context.Context, call string) (time.Time, error) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		if at, ok := a.twilio.started(call); ok {
			return at, nil
		}
		if err := ctx.Err(); err != nil {
			return time.Time{}, err
		}
		if time.Now().After(deadline) {
			return time.Time{}, schema.Errorf(schema.Internal, "no recording was asked for of %s", call)
		}
		time.Sleep(time.Millisecond)
	}
}
