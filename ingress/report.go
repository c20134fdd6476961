package ingress

import (
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// report counts a request and writes its line: for machines at debug, for
// people where one should look, and then not more often than they can read.
func (i *Ingress) report(r *http.Request, rt route, res result, took time.Duration) {
	i.metrics.observe(rt.path, res, took)
	level, suppressed := slog.LevelDebug, 0
	if res.err != nil {
		var ok bool
		if suppressed, ok = i.quiet.allow(res.status, i.config.Clock()); ok {
			level = slog.LevelWarn
		}
	}
	log := i.config.Logger
	if tested(res.verdicts) {
		log.InfoContext(r.Context(), "test event from Twilio arrived", "org", res.account.OrganizationID)
	}
	if !log.Enabled(r.Context(), level) {
		return
	}
	attrs := append([]slog.Attr{
		slog.String("route", rt.path),
		slog.Int("status", res.status),
		slog.String("org", res.account.OrganizationID),
		slog.String("account_sid", res.account.AccountSID),
		slog.Duration("took", took),
	}, outcomes(res.verdicts)...)
	if res.err != nil {
		attrs = append(attrs, slog.Any("error", res.err), slog.Int("suppressed", suppressed))
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}

// outcomes counts what became of a request's events and names the first one.
func outcomes(verdicts []verdict) []slog.Attr {
	counts := map[outcome]int{}
	var attrs []slog.Attr
	for _, v := range verdicts {
		if counts[v.outcome]++; v.outcome == stored && counts[stored] == 1 {
			attrs = append(attrs, slog.String("msg_id", v.event.MsgID()))
		}
	}
	for _, o := range []outcome{stored, ignored, unknown, deadLetter} {
		if n := counts[o]; n > 0 {
			attrs = append(attrs, slog.Int(string(o), n))
		}
	}
	return attrs
}

// quietFor is how long one warning stands for all of its kind.
const quietFor = 10 * time.Second

// quiet lets one warning of each status through at a time.
type quiet struct {
	mu    sync.Mutex
	until map[int]time.Time
	held  map[int]int
}

func newQuiet() *quiet { return &quiet{until: map[int]time.Time{}, held: map[int]int{}} }

// allow reports whether to warn of the status, and how many warnings were held
// back since the last.
func (q *quiet) allow(status int, now time.Time) (suppressed int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Before(q.until[status]) {
		q.held[status]++
		return 0, false
	}
	suppressed = q.held[status]
	q.held[status], q.until[status] = 0, now.Add(quietFor)
	return suppressed, true
}
