package console

import (
	"net/http"
	"time"

	"github.com/loquent/callstream/schema"
)

// replay is what the page about one replay shows.
type replay struct {
	schema.Replay
	Problem *problem
	now     time.Time
}

// replay shows how far a replay is.
func (c *console) replay(v *visit) error { return v.replay(nil) }

func (v *visit) replay(wrong *problem) error {
	shown := replay{Problem: wrong, now: v.console.Clock()}
	if err := v.everywhere().get(v.r.Context(), v.replayPath(), nil, &shown.Replay); err != nil {
		return err
	}
	return v.render(wrong.status(), "replay", "Replay of "+shown.Spec.Consumer, shown)
}

func (v *visit) replayPath() string { return "/api/replays/" + v.r.PathValue("id") }

// cancelReplay ends a replay for good.
func (c *console) cancelReplay(v *visit) error {
	return v.steer("/cancel", "The replay is cancelled. What it has done stays done.")
}

// resumeReplay queues a replay again.
func (c *console) resumeReplay(v *visit) error {
	return v.steer("/resume", "The replay goes on where it stopped, as soon as a process takes it up.")
}

// steer has the API do something with the replay, and says that it is done.
func (v *visit) steer(path, done string) error {
	err := v.everywhere().do(v.r.Context(), http.MethodPost, v.replayPath()+path, nil, nil)
	if p := refused(err); p != nil {
		return v.replay(p)
	}
	if err != nil {
		return err
	}
	v.notice("%s", done)
	return v.redirect("/replays/" + v.r.PathValue("id"))
}

// Live reports whether the replay changes by itself.
func (r replay) Live() bool { return goesOn(r.State) }

// MayCancel and MayResume report what is possible now.
func (r replay) MayCancel() bool {
	return r.State != schema.ReplayDone && r.State != schema.ReplayCancelled
}
func (r replay) MayResume() bool {
	return r.State == schema.ReplayInterrupted || r.State == schema.ReplayFailed
}

// Total returns how many messages there are to look at, which is an estimate
// until they have been.
func (r replay) Total() uint64 {
	if r.State == schema.ReplayDone {
		return r.Progress.Seen()
	}
	return max(r.Progress.Total, r.Progress.Seen())
}

// Percent returns how far it is; 100 only at the end.
func (r replay) Percent() uint64 {
	switch total := r.Total(); {
	case r.State == schema.ReplayDone:
		return 100
	case total == 0:
		return 0
	default:
		return min(100*r.Progress.Seen()/total, 99)
	}
}

// Rate returns how many messages a second it looks at, since it was started;
// nil where that says nothing.
func (r replay) Rate() *float64 {
	end := r.UpdatedAt
	if !r.EndedAt.IsZero() {
		end = r.EndedAt
	}
	seconds := end.Sub(r.StartedAt).Seconds()
	if r.Progress.Seen() == 0 || seconds < 1 {
		return nil
	}
	rate := float64(r.Progress.Seen()) / seconds
	return &rate
}

// Remaining returns when it ends if it goes on like this; zero where nobody can
// tell.
func (r replay) Remaining() time.Time {
	rate := r.Rate()
	if r.State != schema.ReplayRunning || rate == nil {
		return time.Time{}
	}
	left := float64(r.Total()-r.Progress.Seen()) / *rate
	return r.now.Add(time.Duration(left * float64(time.Second)))
}
