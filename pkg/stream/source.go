package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// source is where a job came from and goes back to.
type source interface {
	// end takes the message away for good: done, or with a demise given up.
	end(ctx context.Context, d *demise) error
	// later has it come again after the wait, or soon after if that cannot be
	// arranged.
	later(ctx context.Context, after time.Duration, f fate, cause error) error
	// beat says that it is still in work.
	beat(ctx context.Context) error
}

// demise is why a message was given up.
type demise struct {
	retryOf uint64 // the dead letter as which it had been tried again; zero: none
	text    string
}

// ackTimeout bounds the wait for the broker's word that it heard an
// acknowledgement.
const ackTimeout = 2 * time.Second

// delivered is the source of what the broker delivered.
type delivered struct {
	runner   *Runner
	msg      *nats.Msg
	seq      uint64
	repeated bool
}

// end acknowledges or terminates. A durable that works one at a time waits
// until the broker has heard: its work is dear.
func (d *delivered) end(ctx context.Context, gone *demise) error {
	if d.repeated {
		// It may have been parked by a process that died before it could
		// acknowledge; what stays behind only runs once more.
		_ = d.runner.unpark(ctx, d.seq, gone)
	}
	switch {
	case gone != nil:
		return d.msg.Term()
	case d.runner.Batch != nil:
		return d.msg.Ack()
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	return d.msg.AckSync(nats.Context(ctx))
}

// later leaves short waits to the broker and makes a row of long ones. The row
// is there before the message is acknowledged.
func (d *delivered) later(ctx context.Context, after time.Duration, f fate, cause error) error {
	if after <= parkAfter && !(f.snooze && d.runner.crowded()) {
		return d.nak(after)
	}
	r := d.runner
	if err := r.Parking.Park(ctx, r.Durable.Name, d.seq, time.Now().Add(max(after, r.Redrive)), oneLine(text(cause))); err != nil {
		return errors.Join(err, d.nak(min(after, parkAfter)))
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	return d.msg.AckSync(nats.Context(ctx))
}

func (d *delivered) nak(after time.Duration) error {
	if after <= 0 {
		return d.msg.Nak()
	}
	d.runner.asleep(after)
	return d.msg.NakWithDelay(after)
}

// beat is a plain publish; the heartbeat flushes it.
func (d *delivered) beat(context.Context) error {
	if err := d.msg.InProgress(); !errors.Is(err, nats.ErrMsgAlreadyAckd) {
		return err
	}
	return nil // its part of a batch is over
}

// parked is the source of what waited in the parking.
type parked struct {
	runner *Runner
	seq    uint64
}

// end forgets the row.
func (p *parked) end(ctx context.Context, gone *demise) error {
	return p.runner.unpark(ctx, p.seq, gone)
}

// unpark forgets a row, and marks the dead letter whose retry it was.
func (r *Runner) unpark(ctx context.Context, seq uint64, gone *demise) error {
	retries, ok := r.Parking.(Retries)
	switch {
	case !ok:
		return r.Parking.Unpark(ctx, r.Durable.Name, seq)
	case gone == nil:
		return retries.Resolve(ctx, r.Durable.Name, seq)
	}
	return retries.FailAgain(ctx, r.Durable.Name, seq, gone.retryOf, gone.text)
}

// retried returns the dead letter as which a message is being tried again. One
// that is delivered for the first time is none.
func (r *Runner) retried(ctx context.Context, j *job) (letter uint64, err error) {
	retries, ok := r.Parking.(Retries)
	if !ok || j.deliveries == 1 {
		return 0, nil
	}
	if letter, err = retries.Retried(ctx, r.Durable.Name, j.seq); err != nil {
		return 0, fmt.Errorf("look for an earlier dead letter: %w", err)
	}
	return letter, nil
}

// later moves the row's time. If that fails the hold runs out, and the message
// comes again then.
func (p *parked) later(ctx context.Context, after time.Duration, f fate, cause error) error {
	if f.snooze {
		after = max(after, p.runner.Redrive)
	}
	return p.runner.Parking.Park(ctx, p.runner.Durable.Name, p.seq, time.Now().Add(after), oneLine(text(cause)))
}

// beat holds the row back for as long again.
func (p *parked) beat(ctx context.Context) error {
	return p.runner.Parking.Park(ctx, p.runner.Durable.Name, p.seq, time.Now().Add(p.runner.ackWait), "in work")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// crowded reports whether so many messages sleep in the broker that they may
// take all of MaxAckPending. The broker delivers those before new ones, so that
// one tenant's put-off work would keep everybody else's from being delivered.
func (r *Runner) crowded() bool {
	return r.sleeping.Load() >= max(int64(r.Durable.MaxAckPending)/4, 1)
}

// asleep counts a message that the broker keeps for the given time.
func (r *Runner) asleep(after time.Duration) {
	r.sleeping.Add(1)
	time.AfterFunc(after, func() { r.sleeping.Add(-1) })
}
