package stream_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// countedParking tells whenever the runner counts what is parked, which it does
// once a look.
type countedParking struct {
	*streamtest.MemoryLedger
	looks chan struct{}
}

func (p countedParking) Parked(ctx context.Context, durable string) (int, error) {
	select {
	case p.looks <- struct{}{}:
	case <-ctx.Done():
	}
	return p.MemoryLedger.Parked(durable), nil
}

// ClosedLetters says that one was dealt with, of three.
func (countedParking) ClosedLetters(context.Context, time.Time, uint64) (uint64, error) {
	return 1, nil
}

// shown returns the gauges by name and the value of their label.
func shown(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if m.GetGauge() != nil {
				name := family.GetName()
				for _, label := range m.GetLabel() {
					name += " " + label.GetValue()
				}
				values[name] = m.GetGauge().GetValue()
			}
		}
	}
	return values
}

// A durable whose workers all hang is seen to fall behind all the same.
func TestAHangingDurableIsSeenToFallBehind(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Workers, d.MaxAckPending = 2, 2
	r := newRig(t, d)
	parking := countedParking{r.ledger, make(chan struct{})}
	registry := prometheus.NewRegistry()
	r.config.Parking, r.config.Registerer, r.config.Sample = parking, registry, time.Millisecond
	if err := r.ledger.Park(t.Context(), "one", 99, time.Now().Add(time.Hour), "later"); err != nil {
		t.Fatal(err)
	}
	r.publish(streamtest.Answered(1), streamtest.Answered(2), streamtest.Answered(3), streamtest.Answered(4), streamtest.Answered(5))
	for n := range 3 {
		if err := r.conn.DeadLetter(t.Context(), schema.DeadLetter{Consumer: "ingress", Reason: "undecodable", Data: []byte{byte(n)}}); err != nil {
			t.Fatal(err)
		}
	}
	hanging, free := make(chan struct{}), make(chan struct{})
	stop := r.run(func(context.Context, schema.CallAnswered) error {
		hanging <- struct{}{}
		<-free
		return nil
	})
	for range 2 {
		<-hanging
	}
	for range 3 { // the second look from now began now or later, and the third after its end
		<-parking.looks
	}
	got := shown(t, registry)
	for name, want := range map[string]float64{
		"callstream_durable_pending one":          3,
		"callstream_durable_ack_pending one":      2,
		"callstream_durable_parked one":           1,
		"callstream_stream_messages CALLS":        5,
		"callstream_stream_messages DEADLETTERS":  3,
		"callstream_dead_letters_open":            2,
		"callstream_stream_max_bytes DEADLETTERS": float64(streamtest.Settings().DeadLettersMaxBytes),
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if got["callstream_durable_oldest_pending_seconds one"] <= 0 || got["callstream_stream_bytes CALLS"] <= 0 {
		t.Errorf("no age or no bytes: %v", got)
	}

	go func() {
		for range hanging {
		}
	}()
	close(free)
	go func() {
		for range parking.looks {
		}
	}()
	streamtest.Drained(t, r.conn, "one")
	stop()
	close(hanging)
}

// lines is a logger's handler that tells when the gauges are forgotten.
type lines chan struct{}

func (lines) Enabled(context.Context, slog.Level) bool { return true }
func (l lines) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l lines) WithGroup(string) slog.Handler          { return l }
func (l lines) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "gauges forgotten" {
		close(l)
	}
	return nil
}

// A server that cannot be asked is no reason to show the past as the present,
// nor for the runner to end.
func TestWhatCannotBeSeenIsNotShown(t *testing.T) {
	t.Parallel()
	r := newRig(t, durable("one"))
	parking := countedParking{r.ledger, make(chan struct{})}
	registry := prometheus.NewRegistry()
	r.config.Parking, r.config.Registerer, r.config.Sample = parking, registry, time.Millisecond
	forgotten := make(lines)
	r.config.Logger = slog.New(forgotten)
	ended := make(chan error, 1)
	r.config.Handler = stream.Handle(func(context.Context, schema.CallAnswered) error { return nil })
	runner, err := stream.NewRunner(r.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- runner.Run(ctx) }()
	for range 2 {
		<-parking.looks
	}
	if _, ok := shown(t, registry)["callstream_durable_pending one"]; !ok {
		t.Error("nothing is shown while all is well")
	}
	go func() {
		for range parking.looks {
		}
	}()
	r.server.Stop()
	<-forgotten
	if got := shown(t, registry); len(got) != 0 {
		t.Errorf("shown of a server that is gone: %v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
