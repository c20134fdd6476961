package stream

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/schema"
)

// ParkingCounter is a [Parking] that can say how many messages wait for a
// durable. For one that is none, there is no such metric.
type ParkingCounter interface {
	Parked(ctx context.Context, durable string) (int, error)
}

// LetterCounter is a [Parking] that can say how many of the dead letters that a
// stream keeps are settled. For one that is none, there is no metric of open ones.
type LetterCounter interface {
	ClosedLetters(ctx context.Context, created time.Time, firstSeq uint64) (uint64, error)
}

const (
	sampleEvery = 15 * time.Second // by default
	sampleTime  = 5 * time.Second  // one look takes so long at most
	sampleStale = 4                // looks that fail in a row before what was seen last is forgotten
)

// gauges show how far a durable is behind, and how full the streams are. Any
// number of processes that run a durable say the same of it, so that dashboards
// take the maximum and never the sum.
type gauges struct {
	pending, ackPending, parked, oldest *prometheus.GaugeVec
	messages, bytes, maxBytes           *prometheus.GaugeVec
	open                                *prometheus.GaugeVec // without labels, so that it can be forgotten
}

// byProcess is in the help of the gauges that only consumer processes export.
const byProcess = " Every process that runs the durable says the same: take the maximum. With no process left nobody does: alert on its absence too."

func newGauges(r prometheus.Registerer) *gauges {
	return &gauges{
		pending: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_durable_pending",
			Help: "Messages that the durable has not been given yet." + byProcess,
		}, []string{"consumer"})),
		ackPending: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_durable_ack_pending",
			Help: "Messages that the durable was given and has not acknowledged: in work, or waiting up to a minute for another try." + byProcess,
		}, []string{"consumer"})),
		parked: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_durable_parked",
			Help: "Messages that wait in the parking for another try." + byProcess,
		}, []string{"consumer"})),
		oldest: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_durable_oldest_pending_seconds",
			Help: "Age of the first message that the durable has not acknowledged, parked ones left out; 0 when there is none." + byProcess,
		}, []string{"consumer"})),
		messages: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_stream_messages",
			Help: "Messages in the stream; in DEADLETTERS those that are settled too.",
		}, []string{"stream"})),
		bytes: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_stream_bytes",
			Help: "Bytes in the stream.",
		}, []string{"stream"})),
		maxBytes: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_stream_max_bytes",
			Help: "Bytes at which the stream refuses further messages; -1: none.",
		}, []string{"stream"})),
		open: shared(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "callstream_dead_letters_open",
			Help: "Dead letters that nobody has dealt with. Every consumer's process says the same: take the maximum.",
		}, nil)),
	}
}

// watch looks at the durable and the streams until ctx ends. It is apart from
// the workers, so that a durable whose workers all hang is still seen to fall
// behind.
func (r *Runner) watch(ctx context.Context) {
	failures := 0
	for {
		if err := r.sample(ctx); err == nil {
			failures = 0
		} else if failures++; failures == sampleStale {
			r.gauges.forget(r.Durable.Name)
			r.Logger.Debug("gauges forgotten", "consumer", r.Durable.Name, "error", err)
		}
		if !sleep(ctx, r.Sample) {
			return
		}
	}
}

// sample looks once and shows what it sees; what it cannot see stays as it was.
func (r *Runner) sample(ctx context.Context) error {
	if r.Conn.link.downFor(time.Now()) > 0 {
		return errDown
	}
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	consumer, err := r.Conn.js.Consumer(ctx, schema.StreamCalls, r.Durable.Name)
	if err != nil {
		return err //nolint:wrapcheck // watch says what failed
	}
	if err := r.sampleDurable(ctx, consumer.CachedInfo()); err != nil {
		return err
	}
	for _, name := range []string{schema.StreamCalls, schema.StreamDeadLetters} {
		s, err := r.Conn.js.Stream(ctx, name)
		if err != nil {
			return err //nolint:wrapcheck // watch says what failed
		}
		r.gauges.showStream(s.CachedInfo())
		if name == schema.StreamDeadLetters {
			if err := r.sampleLetters(ctx, s.CachedInfo()); err != nil {
				return err
			}
		}
	}
	return nil
}

// sampleLetters shows how many dead letters are open.
func (r *Runner) sampleLetters(ctx context.Context, info *jetstream.StreamInfo) error {
	counter, ok := r.Parking.(LetterCounter)
	if !ok {
		return nil
	}
	closed, err := counter.ClosedLetters(ctx, info.Created, info.State.FirstSeq)
	if err != nil {
		return err //nolint:wrapcheck // watch says what failed
	}
	r.gauges.open.WithLabelValues().Set(float64(info.State.Msgs - min(closed, info.State.Msgs)))
	return nil
}

// sampleDurable shows the durable as info describes it.
func (r *Runner) sampleDurable(ctx context.Context, info *jetstream.ConsumerInfo) error {
	name := r.Durable.Name
	oldest, err := oldestPending(ctx, r.calls, info)
	if err != nil {
		return err
	}
	age := time.Duration(0)
	if !oldest.IsZero() {
		age = max(time.Since(oldest), 0) // clocks differ
	}
	r.gauges.pending.WithLabelValues(name).Set(float64(info.NumPending))
	r.gauges.ackPending.WithLabelValues(name).Set(float64(info.NumAckPending))
	r.gauges.oldest.WithLabelValues(name).Set(age.Seconds())
	counter, ok := r.Parking.(ParkingCounter)
	if !ok {
		return nil
	}
	parked, err := counter.Parked(ctx, name)
	if err != nil {
		return err //nolint:wrapcheck // watch says what failed
	}
	r.gauges.parked.WithLabelValues(name).Set(float64(parked))
	return nil
}

func (g *gauges) showStream(info *jetstream.StreamInfo) {
	name := info.Config.Name
	g.messages.WithLabelValues(name).Set(float64(info.State.Msgs))
	g.bytes.WithLabelValues(name).Set(float64(info.State.Bytes))
	g.maxBytes.WithLabelValues(name).Set(float64(info.Config.MaxBytes))
}

// forget takes back what is too old to be shown as the present.
func (g *gauges) forget(durable string) {
	for _, gauge := range []*prometheus.GaugeVec{g.pending, g.ackPending, g.parked, g.oldest} {
		gauge.DeleteLabelValues(durable)
	}
	for _, gauge := range []*prometheus.GaugeVec{g.messages, g.bytes, g.maxBytes, g.open} {
		gauge.Reset()
	}
}
