package replays

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/loquent/callstream/schema"
)

// Hold is for how long a replay counts as running after its last checkpoint;
// after that another process may take it over.
const Hold = 30 * time.Second

// endTime bounds the keeping of how a replay ended.
const endTime = 10 * time.Second

// Keeper keeps how far a replay is, for whoever holds it by its token. Both
// return [schema.Conflict] for who holds it no longer; it wraps
// [schema.ErrReplayCancelled] when an operator has cancelled it.
type Keeper interface {
	SaveReplayProgress(ctx context.Context, id, token string, p schema.ReplayProgress, hold time.Duration) error
	EndReplay(ctx context.Context, id, token string, p schema.ReplayProgress, state schema.ReplayState, reason string) error
}

// Work goes on with a replay where its progress says. It keeps its progress by
// checkpoint every few seconds, and stops with its error when that fails. It
// returns how far it came; nil means to the end.
type Work func(ctx context.Context, r schema.Replay, checkpoint func(context.Context, schema.ReplayProgress) error) (schema.ReplayProgress, error)

// Held is a replay that this process holds.
type Held struct {
	Keeper Keeper
	Replay schema.Replay
	Token  string
	Hold   time.Duration // 0: [Hold]
}

// Run does the work and keeps how it ended: as done, as interrupted when ctx
// ended or another process has taken it over, as failed otherwise. One that was
// cancelled stays so. It returns how far the work came, its state, and the
// work's error, joined with that of keeping how it ended.
func (h Held) Run(ctx context.Context, work Work) (schema.ReplayProgress, schema.ReplayState, error) {
	return h.run(ctx, work, stateOf)
}

func (h Held) run(ctx context.Context, work Work, judge func(context.Context, error) schema.ReplayState) (schema.ReplayProgress, schema.ReplayState, error) {
	if h.Hold == 0 {
		h.Hold = Hold
	}
	var taken atomic.Bool
	p, failure := work(ctx, h.Replay, func(ctx context.Context, p schema.ReplayProgress) error {
		err := h.Keeper.SaveReplayProgress(ctx, h.Replay.ID, h.Token, p, h.Hold)
		if schema.CodeOf(err) == schema.Conflict && !errors.Is(err, schema.ErrReplayCancelled) {
			taken.Store(true)
		}
		return err
	})
	if taken.Load() {
		return p, schema.ReplayInterrupted, failure // how it ends is the other's to say
	}
	state, reason := judge(ctx, failure), ""
	if failure != nil && state != schema.ReplayCancelled && ctx.Err() == nil {
		reason = failure.Error()
	}
	return p, state, errors.Join(failure, h.end(ctx, p, state, reason))
}

// end keeps how the replay ended, also when that was the end of ctx.
func (h Held) end(ctx context.Context, p schema.ReplayProgress, state schema.ReplayState, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := h.Keeper.EndReplay(ctx, h.Replay.ID, h.Token, p, state, reason); err != nil {
		return fmt.Errorf("keep that replay %s is %s: %w", h.Replay.ID, state, err)
	}
	return nil
}

// stateOf says how a replay ended.
func stateOf(ctx context.Context, failure error) schema.ReplayState {
	switch {
	case failure == nil:
		return schema.ReplayDone
	case errors.Is(failure, schema.ErrReplayCancelled):
		return schema.ReplayCancelled
	case ctx.Err() != nil:
		return schema.ReplayInterrupted
	}
	return schema.ReplayFailed
}
