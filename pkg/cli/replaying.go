package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/pkg/replays"
	"github.com/loquent/callstream/pkg/stream"
	"github.com/loquent/callstream/schema"
)

// replaying is a replay at work in the foreground.
type replaying struct {
	*parts
	proc   *process
	config *replayCommand
	replay schema.Replay // in a dry run with nothing but its spec
	out    io.Writer     // for a line an event
	shown  int           // events of which a line was printed
}

// find looks up the replay to resume, or reads what the flags ask for.
func (r *replaying) find(ctx context.Context) (err error) {
	if r.config.Resume != "" {
		r.replay, err = r.db.Replay(ctx, r.config.Resume)
		return err
	}
	r.replay.Spec, err = r.config.spec(ctx, r.parts, time.Now().UTC())
	return err
}

// run replays to the end and says how it ended.
func (r *replaying) run(ctx context.Context) error {
	durable, err := consumers.Find(r.replay.Spec.Consumer)
	if err != nil {
		return fmt.Errorf("--consumer: %w", err)
	}
	work, err := r.work(durable, nil)
	if err != nil {
		return err
	}
	meter := newMeter(r.proc)
	r.out = meter.over(r.proc.stdout)
	config := stream.ReplayConfig{
		Spec: r.replay.Spec, Durable: durable, Handler: work.handler, Batch: work.batch, Logger: r.log, Progress: meter.show,
	}
	if r.replay.Spec.DryRun {
		return r.dry(ctx, config, work, meter)
	}
	return r.wet(ctx, config, meter)
}

// dry says what the replay would change. It is not on record, as it changes
// nothing.
func (r *replaying) dry(ctx context.Context, config stream.ReplayConfig, work work, meter *meter) error {
	config.Each = func(m stream.Replayed) { r.planned(ctx, work, m) }
	p, err := r.conn.Replay(ctx, config)
	meter.close()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(r.proc.stdout, "dry run: %d events, %d of them would change something or fail\n", p.Done+p.Failed, r.shown)
	return nil
}

// wet runs the replay, on record.
func (r *replaying) wet(ctx context.Context, config stream.ReplayConfig, meter *meter) error {
	held, err := r.hold(ctx)
	if err != nil {
		return err
	}
	config.Each = r.failed
	p, state, err := held.Run(ctx, func(ctx context.Context, replay schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error) {
		config.Resume, config.Checkpoint = replay.Progress, checkpoint
		return r.conn.Replay(ctx, config)
	})
	meter.close()
	return r.end(p, state, err)
}

// hold writes the replay down, or takes over the one to resume.
func (r *replaying) hold(ctx context.Context) (held replays.Held, err error) {
	held.Keeper = r.db
	if r.config.Resume != "" {
		held.Replay, held.Token, err = r.db.ResumeReplay(ctx, r.config.Resume, replays.Hold)
	} else {
		held.Replay, held.Token, err = r.db.CreateReplay(ctx, r.replay.Spec, replays.Hold)
	}
	r.replay = held.Replay
	return held, err
}

// planned prints what an event would change.
func (r *replaying) planned(ctx context.Context, work work, m stream.Replayed) {
	plan, err := schema.Plan{}, m.Err
	if err == nil {
		plan, err = work.plan(ctx, m.Delivery)
	}
	switch {
	case err != nil:
		r.line(m, "would fail: %v", err)
	case plan.Change != "":
		r.line(m, "%s", plan.Change)
	}
}

// failed prints why an event failed.
func (r *replaying) failed(m stream.Replayed) {
	if m.Err != nil {
		r.line(m, "failed: %v", m.Err)
	}
}

func (r *replaying) line(m stream.Replayed, format string, args ...any) {
	r.shown++
	about := ""
	if m.Delivery.Event != nil {
		call, recording := m.Delivery.Event.Refs()
		about = strings.TrimSpace(call + " " + recording)
	}
	_, _ = fmt.Fprintf(r.out, "%d  %s  %s  %s\n", m.Delivery.Sequence, m.Subject, about, fmt.Sprintf(format, args...))
}

// end says how the replay ended, and how it goes on.
func (r *replaying) end(p schema.ReplayProgress, state schema.ReplayState, failure error) error {
	_, _ = fmt.Fprintf(r.proc.stdout, "replay %s is %s: %s\n", r.replay.ID, state, p)
	if p.Withheld > 0 {
		_, _ = fmt.Fprintf(r.proc.stdout, "%d events that came of it were not told to the live consumers\n", p.Withheld)
	}
	switch {
	case state == schema.ReplayInterrupted: // by whoever asked for it, and yet it is not done
		return fmt.Errorf("stopped before its end; it goes on with: callstream replay --resume %s", r.replay.ID)
	case state == schema.ReplayFailed:
		return fmt.Errorf("%w; once that is mended: callstream replay --resume %s", failure, r.replay.ID)
	case failure != nil:
		return failure
	case p.Failed > 0:
		return fmt.Errorf("%d events failed; the last: %s", p.Failed, p.Error)
	}
	return nil
}
