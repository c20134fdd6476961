package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// publishers is how many publish at a time where bare JetStream is the limit:
// as many as there are connections to ingress.
const publishers = connections

// bare publishes to JetStream with nothing around it: messages as large as
// callstream's, each with an id, each publisher waiting for its answer.
type bare struct {
	js   jetstream.JetStream
	sids *sids
	body []byte
	subj string
}

// bare returns a publisher to the world's stream.
func (w *world) bare(s *sids) *bare {
	body := []byte(w.completed(s.take(schema.CallPrefix)))
	return &bare{js: w.js, sids: s, body: body, subj: schema.KindCallCompleted + "." + w.account.AccountSID}
}

// publish publishes one message and waits until it is stored.
func (p *bare) publish(ctx context.Context) error {
	m := nats.NewMsg(p.subj)
	m.Data = p.body
	m.Header.Set(jetstream.MsgIDHeader, p.sids.take("bare:"))
	if _, err := p.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// saturate publishes n messages as fast as they are stored.
func (p *bare) saturate(ctx context.Context, n int) (outcome, error) {
	return p.send(ctx, n, func(int) time.Time { return time.Time{} })
}

// pace publishes n messages at a rate.
func (p *bare) pace(ctx context.Context, n int, perSecond float64) (outcome, error) {
	began := time.Now().Add(20 * time.Millisecond)
	return p.send(ctx, n, func(i int) time.Time {
		return began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
	})
}

func (p *bare) send(ctx context.Context, n int, due func(int) time.Time) (outcome, error) {
	var (
		next      atomic.Int64
		latencies = make(series, n)
		errs      = make([]error, publishers)
		crew      sync.WaitGroup
		began     = time.Now()
	)
	for k := range publishers {
		crew.Go(func() {
			for ctx.Err() == nil && errs[k] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				from := due(i)
				if from.IsZero() {
					from = time.Now()
				}
				time.Sleep(time.Until(from))
				errs[k] = p.publish(ctx)
				latencies[i] = float64(time.Since(from)) / float64(time.Millisecond)
			}
		})
	}
	crew.Wait()
	return outcome{time.Since(began), latencies}, errors.Join(append(errs, ctx.Err())...)
}
