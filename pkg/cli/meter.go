package cli

import (
	"fmt"
	"io"
	"sync"

	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/loquent/callstream/pkg/stream"
)

// meterLine is how often progress is told where nobody watches a terminal.
const meterLine = 5 * time.Second

// meter shows how far a replay is: a bar on a terminal, elsewhere a line now
// and then, on standard error in both cases.
type meter struct {
	proc *process
	live *mpb.Progress // nil: not a terminal
	bar  *mpb.Bar
	said time.Time

	mu   sync.Mutex // the bar draws by itself
	last stream.Progress
}

func newMeter(proc *process) *meter {
	m := &meter{proc: proc, said: time.Now()}
	if !terminal(proc.stderr) {
		return m
	}
	m.live = mpb.New(mpb.WithOutput(proc.stderr), mpb.WithWidth(40), mpb.WithAutoRefresh())
	m.bar = m.live.AddBar(0,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("replay "), decor.CountersNoUnit("%d of %d")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return m.pace() })))
	proc.logTo.redirect(m.live)
	return m
}

// show takes over the progress.
func (m *meter) show(p stream.Progress) {
	m.mu.Lock()
	m.last = p
	m.mu.Unlock()
	if m.live != nil {
		m.bar.SetTotal(int64(max(p.Total, p.Seen())), false) //nolint:gosec // a count
		m.bar.SetCurrent(int64(p.Seen()))                    //nolint:gosec // a count
		return
	}
	if time.Since(m.said) >= meterLine {
		m.said = time.Now()
		_, _ = fmt.Fprintf(m.proc.stderr, "%s,%s\n", p, m.pace())
	}
}

// pace is " 1200/s, 40s left".
func (m *meter) pace() string {
	m.mu.Lock()
	p := m.last
	m.mu.Unlock()
	text := fmt.Sprintf(" %.0f/s", p.Rate)
	if p.Remaining > 0 {
		text += fmt.Sprintf(", %s left", p.Remaining.Round(time.Second))
	}
	return text
}

// over returns where lines are written above the bar, or w where none is drawn.
func (m *meter) over(w io.Writer) io.Writer {
	if m.live != nil && terminal(w) {
		return m.live
	}
	return w
}

// close ends the drawing.
func (m *meter) close() {
	if m.live == nil {
		return
	}
	m.bar.Abort(true)
	m.live.Wait()
	m.proc.logTo.redirect(m.proc.stderr)
}
