package stream

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

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
	deliveries int    // by the broker's count; zero for a parked message
	source     source // where it came from, and so how it ends; none in a replay
	replay     Replaying
	ending     *ending // in a replay

	event    schema.Event
	attempts int  // this one included
	counted  bool // in the ledger
	begun    time.Time
	span     trace.Span // nil: none
}

// newJob is a message that the broker delivered.
func (r *Runner) newJob(m *nats.Msg) (*job, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read the metadata of %q: %w", m.Reply, err)
	}
	seq := meta.Sequence.Stream
	return &job{
		seq: seq, subject: m.Subject, header: m.Header, data: m.Data, storedAt: meta.Timestamp,
		deliveries: int(meta.NumDelivered), //nolint:gosec // a count
		source:     &delivered{runner: r, msg: m, seq: seq, repeated: meta.NumDelivered > 1},
		begun:      time.Now(),
	}, nil
}

// parkedJob is a message that waited in the parking.
func (r *Runner) parkedJob(m *jetstream.RawStreamMsg) *job {
	return &job{
		seq: m.Sequence, subject: m.Subject, header: m.Header, data: m.Data, storedAt: m.Time,
		source: &parked{runner: r, seq: m.Sequence},
		begun:  time.Now(),
	}
}

// decode reads the event.
func (j *job) decode() (err error) {
	j.event, err = schema.Decode(j.subject, j.data)
	return err
}

// delivery is the job as a handler sees it.
func (j *job) delivery() Delivery {
	return Delivery{
		Event: j.event, Sequence: j.seq, StoredAt: j.storedAt, Attempt: j.attempts,
		Redelivered: j.attempts > 1 || j.deliveries != 1, Replay: j.replay,
	}
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
