package replays

import (
	"context"
	"log/slog"
	"time"

	"github.com/loquent/callstream/schema"
)

// lookEvery is how often a runner looks for a replay by default.
const lookEvery = 5 * time.Second

// Store gives queued replays out, each to one process at a time.
type Store interface {
	// ClaimReplay takes the consumer's oldest replay that nobody holds;
	// [schema.NotFound] when there is none.
	ClaimReplay(ctx context.Context, consumer string, hold time.Duration) (r schema.Replay, token string, err error)
	Keeper
}

// Runner takes up the queued replays of one consumer, one after another. Any
// number of processes may run one: each replay is run by one of them.
type Runner struct {
	Store    Store
	Consumer string // the durable
	Work     Work
	Logger   *slog.Logger  // nil: silence
	Every    time.Duration // between looks for a replay; 0: 5 s
	Hold     time.Duration // 0: [Hold]
}

// Run takes up replays until ctx ends, and then hands back the one at work. It
// returns nil: a store that is away is asked again.
func (r Runner) Run(ctx context.Context) error {
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	if r.Every == 0 {
		r.Every = lookEvery
	}
	if r.Hold == 0 {
		r.Hold = Hold
	}
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		for r.next(ctx) {
		}
		look.Reset(r.Every)
	}
}

// next runs a replay, and reports whether to look for another at once: behind
// one that was interrupted, the next would be the same.
func (r Runner) next(ctx context.Context) bool {
	replay, token, err := r.Store.ClaimReplay(ctx, r.Consumer, r.Hold)
	if err != nil {
		if schema.CodeOf(err) != schema.NotFound && ctx.Err() == nil {
			r.Logger.Warn("look for replays", "consumer", r.Consumer, "error", err)
		}
		return false
	}
	log := r.Logger.With("replay", replay.ID, "consumer", r.Consumer)
	log.Info("replay taken up", "actor", replay.Actor, "cursor", replay.Progress.Cursor)
	p, state, err := Held{Keeper: r.Store, Replay: replay, Token: token, Hold: r.Hold}.run(ctx, r.Work, stateUnattended)
	if err != nil && state != schema.ReplayCancelled {
		log.Warn("replay "+string(state), "progress", p.String(), "error", err)
	} else {
		log.Info("replay "+string(state), "progress", p.String())
	}
	return state == schema.ReplayDone || state == schema.ReplayCancelled
}

// stateUnattended says how a replay ended that nobody waits for: one for which
// a dependency was away goes on.
func stateUnattended(ctx context.Context, failure error) schema.ReplayState {
	state := stateOf(ctx, failure)
	if state == schema.ReplayFailed && schema.CodeOf(failure) == schema.Unavailable {
		return schema.ReplayInterrupted
	}
	return state
}
