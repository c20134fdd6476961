package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/loquent/callstream/consumers"
	"github.com/loquent/callstream/schema"
)

// How often the view looks at the pipeline, and how often it says so where
// nobody watches a terminal.
const (
	viewTick = 500 * time.Millisecond
	viewLine = 5 * time.Second
)

// view shows how the simulated calls fare: on a terminal a few lines that
// change in place, elsewhere a line now and then.
type view struct {
	s       *simulated
	proc    *process
	started time.Time

	mu     sync.Mutex
	now    snapshot
	first  time.Duration // start to first transcript; zero: none yet
	live   *mpb.Progress // nil: not a terminal
	bars   []*mpb.Bar
	calls  *mpb.Bar // nil: endless, or not a terminal
	closed bool
}

// snapshot is the state of things at one moment.
type snapshot struct {
	placed, ended int
	totals        schema.Totals
	lag           []string // "archiver 3" per durable
	dead          uint64
}

// view returns the view of s, drawing if standard output is a terminal.
func (s *simulated) view(proc *process, started time.Time) *view {
	v := &view{s: s, proc: proc, started: started}
	if !terminal(proc.stdout) {
		return v
	}
	v.live = mpb.New(mpb.WithOutput(proc.stdout), mpb.WithRefreshRate(viewTick), mpb.WithWidth(30), mpb.WithAutoRefresh())
	if s.Calls > 0 {
		v.calls = v.live.AddBar(int64(s.Calls),
			mpb.PrependDecorators(decor.Name("calls        ")),
			mpb.AppendDecorators(decor.CountersNoUnit(" %d of %d ended")))
		v.bars = append(v.bars, v.calls)
	}
	for _, line := range v.lines() {
		v.bars = append(v.bars, v.live.New(1, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			v.mu.Lock()
			defer v.mu.Unlock()
			return line(v.now)
		}))))
	}
	proc.logTo.redirect(v.live)
	return v
}

// lines are the view's lines below the bar, each a function of the moment.
func (v *view) lines() []func(snapshot) string {
	lines := []func(snapshot) string{
		func(n snapshot) string {
			return fmt.Sprintf("recordings   %d archived, %d removed at Twilio", n.totals.Archived, n.totals.Deleted)
		},
		func(n snapshot) string { return fmt.Sprintf("transcripts  %d%s", n.totals.Transcripts, v.firstText()) },
		func(n snapshot) string { return "waiting      " + strings.Join(n.lag, ", ") },
		func(n snapshot) string { return fmt.Sprintf("dead letters %d", n.dead) },
		func(snapshot) string { return "look next    " + firstCall + ", with the key in " + v.keyPath() },
	}
	if v.s.Calls == 0 {
		lines = append([]func(snapshot) string{func(n snapshot) string {
			return fmt.Sprintf("calls        %d placed, %d ended, %d rows", n.placed, n.ended, n.totals.Calls)
		}}, lines...)
	}
	return lines
}

// firstText says how long the first transcript took; the caller holds mu.
func (v *view) firstText() string {
	if v.first == 0 {
		return ""
	}
	return fmt.Sprintf(", the first after %.1f s", v.first.Seconds())
}

// firstCall is the path of the newest recorded call.
const firstCall = "/api/calls?recorded=true&limit=1"

func (v *view) keyPath() string { return filepath.Join(v.s.up.Data, operatorKeyFile) }

// run looks at the pipeline until ctx ends.
func (v *view) run(ctx context.Context) {
	tick := time.NewTicker(viewTick)
	defer tick.Stop()
	said := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := v.look(ctx)
		if err != nil {
			continue // what is away says so in the log; the next look may succeed
		}
		v.update(now)
		if v.live == nil && time.Since(said) >= viewLine {
			said = time.Now()
			_, _ = fmt.Fprintln(v.proc.stdout, v.line())
		}
	}
}

// look asks everybody once.
func (v *view) look(ctx context.Context) (snapshot, error) {
	progress := v.s.sim.Progress()
	now := snapshot{placed: progress.Placed, ended: progress.Ended}
	var err error
	if now.totals, err = v.s.p.db.Totals(ctx); err != nil {
		return now, fmt.Errorf("totals: %w", err)
	}
	if now.dead, err = v.s.p.conn.DeadLetters(ctx); err != nil {
		return now, fmt.Errorf("dead letters: %w", err)
	}
	for _, name := range consumers.Names() {
		pending, inFlight, err := v.s.p.conn.Lag(ctx, name)
		if err != nil {
			return now, fmt.Errorf("lag: %w", err)
		}
		now.lag = append(now.lag, fmt.Sprintf("%s %d", name, pending+inFlight))
	}
	return now, nil
}

// update takes over what was seen and announces the first transcript.
func (v *view) update(now snapshot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = now
	if v.calls != nil {
		v.calls.SetCurrent(int64(now.ended))
	}
	if v.first == 0 && now.totals.Transcripts > 0 {
		v.first = time.Since(v.started)
		if v.live == nil {
			_, _ = fmt.Fprintf(v.proc.stdout, "first transcript after %.1f s\n", v.first.Seconds())
		}
	}
}

// line is the moment in one line.
func (v *view) line() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.now
	return fmt.Sprintf("calls %d placed, %d ended; recordings %d archived, %d removed at Twilio; transcripts %d; waiting %s; dead letters %d",
		n.placed, n.ended, n.totals.Archived, n.totals.Deleted, n.totals.Transcripts, strings.Join(n.lag, ", "), n.dead)
}

// close ends the drawing and gives the terminal back to the log. It may be
// called twice.
func (v *view) close() {
	if v.closed {
		return
	}
	v.closed = true
	if v.live == nil {
		_, _ = fmt.Fprintln(v.proc.stdout, v.line())
		return
	}
	for _, bar := range v.bars {
		bar.Abort(false)
	}
	v.live.Wait()
	v.proc.logTo.redirect(v.proc.stderr)
}
