package stream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/loquent/callstream/schema"
)

// job is one message in work, whether the broker delivered it or it waited in
// the parking.
type job struct {
	seq        uint64
	subject    string
	header     nats.Header
	data       []byte
	storedAt   time.Time
	deliveries int           // by the broker's count; zero for a parked message
	msg        jetstream.Msg // nil for a parked message: there is nothing to acknowledge

	event    schema.Event
	attempts int
	begun    time.Time
}

func jobOf(m jetstream.Msg) (*job, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	return &job{
		seq: meta.Sequence.Stream, subject: m.Subject(), header: m.Headers(), data: m.Data(),
		storedAt: meta.Timestamp, deliveries: int(meta.NumDelivered), msg: m, begun: time.Now(), //nolint:gosec // a count
	}, nil
}

func parkedJob(m *jetstream.RawStreamMsg) *job {
	return &job{seq: m.Sequence, subject: m.Subject, header: m.Header, data: m.Data, storedAt: m.Time, begun: time.Now()}
}

func (j *job) delivery() Delivery {
	return Delivery{Event: j.event, Sequence: j.seq, StoredAt: j.storedAt, Attempt: j.attempts, Redelivered: j.attempts > 1 || j.deliveries > 1 || j.msg == nil}
}

// letter is the job as a dead letter.
func (j *job) letter(durable, reason string, err error) schema.DeadLetter {
	l := schema.DeadLetter{
		Consumer: durable, Reason: reason, Attempts: j.attempts, Subject: j.subject, Sequence: j.seq,
		Org: j.header.Get(schema.HeaderOrg), FailedAt: time.Now(), Published: j.storedAt, Header: j.header, Data: j.data,
	}
	if err != nil {
		l.Error = err.Error()
	}
	if j.event != nil {
		l.Account = j.event.Meta().AccountSID
	}
	return l
}

// heartbeat tells the broker that the jobs are in work until the returned
// function is called. When two beats in a row cannot be sent the work is
// cancelled: the broker is about to give the messages to somebody else.
func heartbeat(ctx context.Context, every time.Duration, flush func(context.Context) error, jobs ...*job) (work context.Context, stop func()) {
	work, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		failed := 0
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			if err := beat(work, every, flush, jobs); err != nil {
				failed++
			} else {
				failed = 0
			}
			if failed == 2 {
				cancel()
				return
			}
		}
	}()
	return work, func() { close(done); cancel() }
}

func beat(ctx context.Context, within time.Duration, flush func(context.Context) error, jobs []*job) error {
	for _, j := range jobs {
		if j.msg == nil {
			continue
		}
		if err := j.msg.InProgress(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return flush(ctx)
}
