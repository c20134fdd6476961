package stream_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/pkg/stream/streamtest"
	"github.com/loquent/callstream/schema"
)

// past is a server with history, and what a replay of it handles.
type past struct {
	*rig
	mu   sync.Mutex
	seen []uint64
}

// newPast stores the events and drops the live durable's deliveries.
func newPast(t *testing.T, d stream.Durable, events ...schema.Event) *past {
	t.Helper()
	p := &past{rig: newRig(t, d)}
	p.publish(events...)
	return p
}

// answered are events about calls 1 to n, which lie at sequences 1 to n.
func answered(n int) []schema.Event {
	events := make([]schema.Event, n)
	for i := range events {
		events[i] = streamtest.Answered(i + 1)
	}
	return events
}

// replay is the configuration of a replay that notes what it handles.
func (p *past) replay(spec schema.ReplaySpec) stream.ReplayConfig {
	spec.Consumer = p.config.Durable.Name
	config := stream.ReplayConfig{
		Spec: spec, Durable: p.config.Durable,
		Backoff: []time.Duration{time.Millisecond, time.Millisecond}, CheckpointEvery: time.Millisecond,
	}
	if p.config.Durable.Batch > 0 {
		config.Batch = func(_ context.Context, deliveries []stream.Delivery) []error {
			p.note(deliveries...)
			return nil
		}
	} else {
		config.Handler = func(ctx context.Context, _ schema.Event) error {
			p.note(stream.DeliveryFrom(ctx))
			return nil
		}
	}
	return config
}

func (p *past) note(deliveries ...stream.Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range deliveries {
		p.seen = append(p.seen, d.Sequence)
	}
}

// handled returns the sequences that were handled, in their order.
func (p *past) handled() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.seen))
}

// run replays to the end.
func (p *past) replayed(config stream.ReplayConfig) schema.ReplayProgress {
	p.t.Helper()
	progress, err := p.conn.Replay(p.t.Context(), config)
	if err != nil {
		p.t.Fatal(err)
	}
	return progress
}

// upTo returns 1 to n.
func upTo(n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i + 1) //nolint:gosec // small
	}
	return all
}

func TestAReplayRunsTheHandlerAndLeavesLiveWorkAlone(t *testing.T) {
	t.Parallel()
	p := newPast(t, durable("one"), answered(700)...)
	config := p.replay(schema.ReplaySpec{Force: true})
	var first stream.Delivery
	handle := config.Handler
	config.Handler = func(ctx context.Context, e schema.Event) error {
		if d := stream.DeliveryFrom(ctx); d.Sequence == 1 {
			first = d
			p.publish(streamtest.Answered(9000)) // arrives while it runs
		}
		return handle(ctx, e)
	}
	var last stream.Progress
	config.Progress = func(progress stream.Progress) { last = progress }
	got := p.replayed(config)
	if diff := cmp.Diff(schema.ReplayProgress{Cursor: 700, End: 700, Total: 700, Done: 700}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(got, last.ReplayProgress); diff != "" || last.Rate <= 0 || last.Remaining != 0 {
		t.Errorf("last progress told: %+v", last)
	}
	if diff := cmp.Diff(upTo(700), p.handled()); diff != "" {
		t.Error(diff)
	}
	if want := (stream.Replaying{Active: true, Force: true}); first.Replay != want || first.MayAct() || !first.Redelivered {
		t.Errorf("delivery %+v", first)
	}
	if pending, inFlight, err := p.conn.Lag(t.Context(), "one"); pending != 701 || inFlight != 0 || err != nil {
		t.Errorf("the durable has %d pending, %d in flight (%v)", pending, inFlight, err)
	}
	_, js := raw(t, p.server)
	calls, err := js.Stream(t.Context(), schema.StreamCalls)
	if err != nil {
		t.Fatal(err)
	}
	for name := range calls.ConsumerNames(t.Context()).Name() {
		if name != "one" {
			t.Errorf("consumer %s is left behind", name)
		}
	}
}

// index is a SequenceIndex that knows the given sequences.
type index []uint64

func (i index) EventSequences(context.Context, string, string) ([]uint64, error) { return i, nil }

func TestAReplayIsRestrictedToWhatItsSpecSelects(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Filters = []string{"call.answered.*", "recording.processed.*"}
	p := newPast(t, d, answered(3)...)
	other := streamtest.Answered(4)
	other.OrganizationID = "org-2"
	streamtest.Await(t, "the clock to move on", func(context.Context) bool { return time.Since(p.storedAt(3)) > time.Millisecond })
	p.publish(other, schema.CallCompleted(other), streamtest.Processed(2))
	call, recording := streamtest.SID(schema.CallPrefix, 2), streamtest.SID(schema.RecordingPrefix, 2)
	for name, tc := range map[string]struct {
		spec    schema.ReplaySpec
		index   stream.SequenceIndex
		want    []uint64
		skipped uint64
	}{
		"all":                     {want: []uint64{1, 2, 3, 4, 6}},
		"from a sequence":         {spec: schema.ReplaySpec{FromSeq: 3}, want: []uint64{3, 4, 6}},
		"to a sequence":           {spec: schema.ReplaySpec{ToSeq: 5}, want: []uint64{1, 2, 3, 4}},
		"to beyond the end":       {spec: schema.ReplaySpec{ToSeq: 500}, want: []uint64{1, 2, 3, 4, 6}},
		"from beyond the end":     {spec: schema.ReplaySpec{FromSeq: 500}},
		"since":                   {spec: schema.ReplaySpec{Since: p.storedAt(4)}, want: []uint64{4, 6}},
		"until":                   {spec: schema.ReplaySpec{Until: p.storedAt(4)}, want: []uint64{1, 2, 3}},
		"since after the last":    {spec: schema.ReplaySpec{Since: time.Now().Add(time.Hour)}},
		"until before the first":  {spec: schema.ReplaySpec{Until: p.storedAt(1)}},
		"subject":                 {spec: schema.ReplaySpec{Subject: "recording.>"}, want: []uint64{6}},
		"organization":            {spec: schema.ReplaySpec{Organization: "org-2"}, want: []uint64{4}, skipped: 4},
		"call":                    {spec: schema.ReplaySpec{CallSID: call}, want: []uint64{2, 6}, skipped: 3},
		"recording":               {spec: schema.ReplaySpec{RecordingSID: recording}, want: []uint64{6}, skipped: 4},
		"call, by an index":       {spec: schema.ReplaySpec{CallSID: call}, index: index{6, 2, 999, 2}, want: []uint64{2, 6}},
		"an index of other kinds": {spec: schema.ReplaySpec{CallSID: call}, index: index{5}, skipped: 1},
		"index within a range":    {spec: schema.ReplaySpec{CallSID: call, FromSeq: 3}, index: index{2, 6}, want: []uint64{6}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &past{rig: p.rig}
			config := p.replay(tc.spec)
			config.Index = tc.index
			got, err := p.conn.Replay(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, p.handled()); diff != "" {
				t.Errorf("handled (-want +got):\n%s", diff)
			}
			if got.Done != uint64(len(tc.want)) || got.Skipped != tc.skipped || got.Failed != 0 || got.Cursor < got.End {
				t.Errorf("progress %+v", got)
			}
		})
	}
}

// storedAt returns when the stream stored a sequence.
func (p *past) storedAt(seq uint64) time.Time {
	p.t.Helper()
	_, js := raw(p.t, p.server)
	calls, err := js.Stream(p.t.Context(), schema.StreamCalls)
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := calls.GetMsg(p.t.Context(), seq)
	if err != nil {
		p.t.Fatal(err)
	}
	return m.Time
}

func TestAReplayCountsHowEachMessageEnds(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, d, answered(6)...)
			nc, _ := raw(t, p.server)
			if _, err := nc.RequestMsg(&nats.Msg{Subject: schema.Subject(streamtest.Answered(1)), Data: []byte("no event")}, time.Minute); err != nil {
				t.Fatal(err)
			}
			var tries sync.Map
			handle := func(d stream.Delivery) error {
				tries.Store(d.Sequence, d.Attempt)
				switch {
				case d.Sequence == 1:
					return stream.Terminal(errors.New("hopeless"))
				case d.Sequence == 2:
					return schema.Errorf(schema.Unavailable, "away for good")
				case d.Sequence == 3 && d.Attempt == 1:
					return schema.Errorf(schema.Unavailable, "away")
				case d.Sequence == 4:
					panic("a bug")
				case d.Sequence == 5 && d.Attempt < 9:
					return stream.Snooze(0, "others come first")
				}
				p.note(d)
				return nil
			}
			config := p.replay(schema.ReplaySpec{})
			if d.Batch > 0 {
				config.Batch = func(_ context.Context, deliveries []stream.Delivery) []error {
					errs := make([]error, len(deliveries))
					for i, d := range deliveries {
						errs[i] = handle(d)
					}
					return errs
				}
			} else {
				config.Handler = func(ctx context.Context, _ schema.Event) error { return handle(stream.DeliveryFrom(ctx)) }
			}
			told := map[uint64]bool{}
			config.Each = func(r stream.Replayed) { told[r.Delivery.Sequence] = r.Err == nil }
			got := p.replayed(config)
			if got.Done != 3 || got.Failed != 4 || got.Skipped != 0 || got.Cursor != 7 || got.Error == "" {
				t.Errorf("progress %+v", got)
			}
			if diff := cmp.Diff(map[uint64]bool{1: false, 2: false, 3: true, 4: false, 5: true, 6: true, 7: false}, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			for seq, want := range map[uint64]int{1: 1, 2: 3, 3: 2, 5: 9, 6: 1} {
				if n, _ := tries.Load(seq); n != want {
					t.Errorf("message %d was tried %v times, want %d", seq, n, want)
				}
			}
			if n, err := p.conn.DeadLetters(t.Context()); n != 0 || err != nil || p.ledger.Parked("one") != 0 {
				t.Errorf("%d dead letters (%v), %d parked", n, err, p.ledger.Parked("one"))
			}
		})
	}
}

// Wherever a replay is interrupted, a resumed one goes on: every message is
// handled, and counted once.
func TestAnInterruptedReplayResumes(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, d, answered(40)...)
			var progress schema.ReplayProgress
			for runs := 1; ; runs++ {
				ctx, interrupt := context.WithCancel(t.Context())
				config := p.replay(schema.ReplaySpec{})
				config.Resume, config.Durable.Batch = progress, min(config.Durable.Batch, 4)
				ended := 0
				config.Each = func(stream.Replayed) {
					if ended++; ended == 7 {
						interrupt()
					}
				}
				var kept schema.ReplayProgress
				config.Checkpoint = func(_ context.Context, p schema.ReplayProgress) error { kept = p; return nil }
				before := progress.Cursor
				var err error
				progress, err = p.conn.Replay(ctx, config)
				interrupt()
				if diff := cmp.Diff(progress, kept); diff != "" {
					t.Errorf("returned and kept differ:\n%s", diff)
				}
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) || runs > 40 || progress.Cursor < before || progress.Seen() != progress.Cursor {
					t.Fatalf("run %d: %v, %+v", runs, err, progress)
				}
				p.publish(streamtest.Answered(1000 + runs)) // not part of it
			}
			if diff := cmp.Diff(schema.ReplayProgress{Cursor: 40, End: 40, Total: 40, Done: 40}, progress); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(upTo(40), slices.Compact(p.handled())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The cursor waits for a message that takes long, however far others are.
func TestTheCursorNeverPassesAMessageInWork(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Workers = 4
	p := newPast(t, d, answered(50)...)
	config := p.replay(schema.ReplaySpec{})
	handle := config.Handler
	ctx, interrupt := context.WithCancel(t.Context())
	config.Handler = func(ctx context.Context, e schema.Event) error {
		if stream.DeliveryFrom(ctx).Sequence == 11 {
			<-ctx.Done()
			return ctx.Err()
		}
		return handle(ctx, e)
	}
	ended := 0
	config.Each = func(stream.Replayed) {
		if ended++; ended == 49 {
			interrupt()
		}
	}
	got, err := p.conn.Replay(ctx, config)
	if !errors.Is(err, context.Canceled) || got.Cursor != 10 || got.Done != 10 {
		t.Errorf("%v, progress %+v", err, got)
	}
}

func TestAReplayGoesOnWhenTheServerComesBack(t *testing.T) {
	t.Parallel()
	d := durable("one")
	d.Workers = 1
	p := newPast(t, d, answered(2000)...)
	config := p.replay(schema.ReplaySpec{})
	handle := config.Handler
	config.Handler = func(ctx context.Context, e schema.Event) error {
		if stream.DeliveryFrom(ctx).Sequence == 300 {
			p.server.Stop()
			p.server.Restart()
		}
		return handle(ctx, e)
	}
	tcp := streamtest.Connect(t, stream.Config{URL: p.server.URL()})
	got, err := tcp.Replay(t.Context(), config)
	if err != nil || got.Done != 2000 {
		t.Fatalf("%v, progress %+v", err, got)
	}
	if diff := cmp.Diff(upTo(2000), p.seen); diff != "" {
		t.Errorf("not each once and in order:\n%s", diff)
	}
}

func TestACheckpointThatFailsStopsAReplay(t *testing.T) {
	t.Parallel()
	p := newPast(t, durable("one"), answered(10)...)
	config := p.replay(schema.ReplaySpec{})
	config.Handler = func(ctx context.Context, _ schema.Event) error { // until it is stopped
		<-ctx.Done()
		return ctx.Err()
	}
	checkpoints := 0
	config.Checkpoint = func(context.Context, schema.ReplayProgress) error {
		if checkpoints++; checkpoints == 1 {
			return schema.Errorf(schema.Unavailable, "the database is away for a moment")
		}
		return schema.Errorf(schema.Conflict, "%w", schema.ErrReplayCancelled)
	}
	got, err := p.conn.Replay(t.Context(), config)
	if !errors.Is(err, schema.ErrReplayCancelled) || got.Cursor != 0 {
		t.Errorf("%v, progress %+v", err, got)
	}
}

// A stage event that a replay publishes would set live consumers to work, in
// the end the one that deletes at Twilio.
func TestAReplayPublishesNothingUnlessToldSo(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, d, answered(3)...)
			for _, allowed := range []bool{false, true} {
				config := p.replay(schema.ReplaySpec{})
				if allowed {
					config.Spec.AllowSideEffects = []string{schema.SideEffectEvents}
				}
				if d.Batch > 0 {
					config.Batch = func(ctx context.Context, d []stream.Delivery) []error {
						errs := make([]error, len(d))
						for i := range d {
							errs[i] = p.conn.Publish(ctx, streamtest.Processed(int(d[i].Sequence))) //nolint:gosec // small
						}
						return errs
					}
				} else {
					config.Handler = func(ctx context.Context, _ schema.Event) error {
						return p.conn.Publish(ctx, streamtest.Processed(int(stream.DeliveryFrom(ctx).Sequence))) //nolint:gosec // small
					}
				}
				got := p.replayed(config)
				wantStored, wantWithheld := uint64(3), uint64(3)
				if allowed {
					wantStored, wantWithheld = 6, 0
				}
				if stored := calls(t, p.conn).Messages; stored != wantStored || got.Withheld != wantWithheld || got.Done != 3 {
					t.Errorf("allowed %t: %d stored, progress %+v", allowed, stored, got)
				}
			}
		})
	}
}

func TestADryRunRunsNothing(t *testing.T) {
	t.Parallel()
	d := durable(schema.SideEffectRecorder)
	p := newPast(t, d, answered(3)...)
	config := p.replay(schema.ReplaySpec{DryRun: true, CallSID: streamtest.SID(schema.CallPrefix, 2)})
	var would []schema.Event
	config.Each = func(r stream.Replayed) { would = append(would, r.Delivery.Event) }
	got := p.replayed(config)
	if diff := cmp.Diff([]schema.Event{streamtest.Answered(2)}, would); diff != "" || len(p.handled()) > 0 || got.Done != 1 {
		t.Errorf("progress %+v, handled %v; told:\n%s", got, p.handled(), diff)
	}
}

func TestAReplayKeepsToItsRate(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]stream.Durable{"one at a time": durable("one"), "in batches": batchDurable("one")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPast(t, d, answered(60)...)
			begun := time.Now()
			got := p.replayed(p.replay(schema.ReplaySpec{Rate: 50}))
			if took := time.Since(begun); took < 190*time.Millisecond || got.Done != 60 { // fifty may be the first batch
				t.Errorf("%s for %+v", took, got)
			}
		})
	}
}

func TestAReplayThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	p := newPast(t, durable("one"))
	recorder := durable(schema.SideEffectRecorder)
	handle := func(context.Context, schema.Event) error { return nil }
	for name, tc := range map[string]struct {
		config stream.ReplayConfig
		want   schema.Code
	}{
		"a side effect that is not allowed": {stream.ReplayConfig{Spec: schema.ReplaySpec{Consumer: "recorder"}, Durable: recorder, Handler: handle}, schema.Forbidden},
		"another consumer":                  {stream.ReplayConfig{Spec: schema.ReplaySpec{Consumer: "two"}, Durable: durable("one"), Handler: handle}, schema.Invalid},
		"no handler":                        {stream.ReplayConfig{Spec: schema.ReplaySpec{Consumer: "one"}, Durable: durable("one")}, schema.Invalid},
		"a foreign subject":                 {stream.ReplayConfig{Spec: schema.ReplaySpec{Consumer: "one", Subject: "message.>"}, Durable: durable("one"), Handler: handle}, schema.Invalid},
	} {
		if _, err := p.conn.Replay(t.Context(), tc.config); schema.CodeOf(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty, err := p.conn.Replay(t.Context(), p.replay(schema.ReplaySpec{}))
	if err != nil || empty != (schema.ReplayProgress{}) {
		t.Errorf("an empty stream: %v, %+v", err, empty)
	}
}

func TestOnlyTheStreamsLeaderEndsHistory(t *testing.T) {
	t.Parallel()
	p := newPast(t, durable("one"), answered(25)...)
	for _, end := range []uint64{25, 30} {
		if n, err := p.conn.ReadBehindLag(t.Context(), end); n != 25 || err != nil {
			t.Errorf("%d came up to %d, %v", n, end, err)
		}
	}
}

// A replay's consumer may live on a replica that has not got the latest events
// yet; they are part of the replay all the same.
func TestAReplayOnAClusterMissesNothing(t *testing.T) {
	t.Parallel()
	conn := streamtest.Connect(t, stream.Config{URL: streamtest.Cluster(t)[0].URL()})
	settings := streamtest.Settings()
	settings.Replicas = 3
	if _, err := conn.Provision(t.Context(), settings, nil); err != nil {
		t.Fatal(err)
	}
	config := stream.ReplayConfig{
		Spec: schema.ReplaySpec{Consumer: "one"}, Durable: durable("one"), Handler: func(context.Context, schema.Event) error { return nil },
	}
	for n := 1; n <= 20; n++ {
		if err := conn.Publish(t.Context(), streamtest.Answered(2*n), streamtest.Answered(2*n+1)); err != nil {
			t.Fatal(err)
		}
		config.Spec.Until = time.Now()
		got, err := conn.Replay(t.Context(), config)
		if err != nil || got.Done != uint64(2*n) { //nolint:gosec // small
			t.Fatalf("round %d: %v, %+v", n, err, got)
		}
	}
}
