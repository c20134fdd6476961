package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pendingAcks bounds the publishes that are on their way unacknowledged; a
// larger window adds latency and no throughput.
const pendingAcks = 256

// tryOne publishes one message and waits for its acknowledgement.
func (c *Conn) tryOne(ctx context.Context, stream string, m *nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience.try)
	defer cancel()
	// The client's own retries are off: publish counts and spaces the tries.
	_, err := c.js.PublishMsg(ctx, m, jetstream.WithExpectStream(stream), jetstream.WithRetryAttempts(0))
	return err
}

// tryAll publishes the messages one behind the other, waits for every
// acknowledgement and fills in errs.
func (c *Conn) tryAll(ctx context.Context, stream string, messages []*nats.Msg, errs []error) {
	futures := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		futures[i], errs[i] = c.js.PublishMsgAsync(m,
			jetstream.WithExpectStream(stream), jetstream.WithRetryAttempts(0), jetstream.WithStallWait(c.patience.try))
	}
	for i, future := range futures {
		if errs[i] == nil {
			errs[i] = await(ctx, future)
		}
	}
}

// await waits for one acknowledgement; the connection's own timeout for
// acknowledgements bounds it.
func await(ctx context.Context, future jetstream.PubAckFuture) error {
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// judge tells the breaker whether anybody answered. The caller's own deadline
// says nothing about JetStream.
func (c *Conn) judge(ctx context.Context, errs []error) {
	silent, leaderless := false, false
	for _, err := range errs {
		switch {
		case answered(err):
			c.breaker.answered()
			return
		case errors.Is(err, jetstream.ErrNoStreamResponse):
			leaderless = true
		case timedOut(err) && ctx.Err() == nil:
			silent = true
		}
	}
	switch {
	case leaderless:
		c.breaker.leaderless(time.Now())
	case silent:
		c.breaker.timedOut(time.Now())
	}
}

// answered reports an acknowledgement or an answer that says no. That there are
// no responders is the connection's answer, not the stream's.
func answered(err error) bool {
	var api *jetstream.APIError
	return err == nil || errors.As(err, &api)
}

// timedOut reports that nobody answered in time.
func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, jetstream.ErrAsyncPublishTimeout) || errors.Is(err, jetstream.ErrTooManyStalledMsgs)
}

// The refusals that the same message will always meet.
const (
	codeMessageTooLarge  jetstream.ErrorCode = 10054
	codeHeaderTooLarge   jetstream.ErrorCode = 10097
	codeMessageMalformed jetstream.ErrorCode = 10003
)

// permanent reports errors that no repeat will mend. All others may heal, in
// particular:
//
//	10158, 10164  a duplicate is still being replicated; it may yet fail
//	10077         the stream is full or the disk failed; never a duplicate
//	10023, 10167  resources or the ingest queue are exhausted
//	10008         JetStream is away
//	10060         another stream took the subject: somebody is provisioning
func permanent(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode == codeMessageTooLarge || api.ErrorCode == codeHeaderTooLarge || api.ErrorCode == codeMessageMalformed
	}
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject)
}
