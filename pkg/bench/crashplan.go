package bench

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/loquent/callstream/pkg/crash"
)

// plan says who is killed where next: every point as often as any other, as far
// as the processes come to it.
type plan struct {
	mu    sync.Mutex
	left  int // kills
	rows  map[spot]*CrashRow
	kills []kill
}

// spot is a point of a role.
type spot struct {
	role string
	at   crash.Point
}

// kill is one that happened.
type kill struct {
	row  *CrashRow
	sids []string // what it was over
}

const (
	tripTime = 5 * time.Second // a process has so long to come to a point
	ahead    = .15             // a role's points may be tried so much more often than another's

	// Twilio asks a second time for TwiML, a second later, and not a third time:
	// whoever is cut off twice hears that an application error has occurred.
	// Nothing that ingress could do would help, so it lives that long.
	twiliosRetry = 2 * time.Second
)

// killAll kills until there were as many kills as wanted, or the time is over.
func (m *matrix) killAll(ctx context.Context) error {
	pause(ctx, m.Survey)
	m.plan.rows = make(map[spot]*CrashRow)
	for _, v := range m.victims {
		m.plan.learn(v)
	}
	m.bench.log.Info("points", "count", len(m.plan.rows))
	if m.plan.left = m.Runs; m.Runs == 0 {
		m.plan.left = len(m.plan.rows)
	}
	ctx, stop := context.WithTimeout(ctx, m.Limit)
	defer stop()
	group, during := errgroup.WithContext(ctx)
	told, stopTelling := context.WithCancel(ctx)
	defer stopTelling()
	go m.tell(told)
	for i, v := range m.victims {
		dice := rand.New(rand.NewPCG(m.Seed, uint64(i))) //nolint:gosec // an index
		group.Go(func() error { return m.haunt(during, v, dice) })
	}
	return group.Wait() //nolint:wrapcheck // the goroutines are this package's own
}

// tell says every now and then how far it is.
func (m *matrix) tell(ctx context.Context) {
	for pause(ctx, 10*time.Second); ctx.Err() == nil; pause(ctx, 10*time.Second) {
		m.plan.mu.Lock()
		kills, left := len(m.plan.kills), m.plan.left
		m.plan.mu.Unlock()
		m.bench.log.Info("killed", "times", kills, "left", left, "calls", m.sim.Progress().Placed)
	}
}

// haunt kills one role's processes.
func (m *matrix) haunt(ctx context.Context, v *victim, dice *rand.Rand) error {
	for ctx.Err() == nil {
		m.plan.learn(v)
		row, wait := m.plan.next(v.name, dice)
		switch {
		case row == nil && !wait:
			return nil
		case row == nil:
			pause(ctx, 50*time.Millisecond)
			continue
		}
		sids, killed, err := m.trip(ctx, v, row, dice)
		if err != nil {
			return err
		}
		m.plan.note(row, sids, killed)
		if !killed {
			continue
		}
		if said := v.role.output.String(); said != "" {
			m.bench.log.Debug("said before it was killed", "role", v.name, "text", said)
		}
		// What was killed is started again, whatever ends meanwhile.
		again := context.WithoutCancel(ctx)
		if err := m.spare(again, v); err != nil {
			return err
		}
		if err := m.launch(again, v); err != nil {
			return err
		}
		if v.name == ingressRole {
			pause(ctx, twiliosRetry)
		}
	}
	return nil
}

// trip sets the trap and waits until the process is in it, or does not come.
func (m *matrix) trip(ctx context.Context, v *victim, row *CrashRow, dice *rand.Rand) (sids []string, killed bool, err error) {
	skip := 0
	if row.Seen > 20 {
		skip = dice.IntN(4)
	}
	over := v.trap.Arm(row.Point, skip, v.kill)
	late := time.NewTimer(tripTime)
	defer late.Stop()
	byItself := false
	select {
	case sids := <-over:
		return sids, true, nil
	case <-v.role.over:
		byItself = true
	case <-late.C:
	case <-ctx.Done():
	}
	switch inTime := v.trap.Disarm(); {
	case !inTime:
		return <-over, true, nil
	case byItself:
		return nil, false, v.died()
	}
	return nil, false, nil
}

// learn takes in the points to which a role has come.
func (p *plan) learn(v *victim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, seen := range v.trap.Seen() {
		row := p.rows[spot{v.name, at}]
		if row == nil {
			row = &CrashRow{Role: v.name, Point: at}
			p.rows[spot{v.name, at}] = row
		}
		row.Seen = seen
	}
}

// next returns the point at which a role is to be killed next: the least tried,
// and of those one whose kind is. Without one, wait says whether others have to
// catch up first; otherwise all is done.
func (p *plan) next(role string, dice *rand.Rand) (row *CrashRow, wait bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left <= 0 {
		return nil, false
	}
	own, early := p.turn(role)
	if len(own) == 0 || early {
		return nil, true
	}
	kinds := map[string]int{}
	for _, r := range own {
		kinds[r.kind()] += r.tried()
		kinds[r.Point.When()+r.kind()] += r.tried()
	}
	slices.SortFunc(own, func(a, b *CrashRow) int { return a.Point.Compare(b.Point) })
	dice.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
	p.left--
	return slices.MinFunc(own, func(a, b *CrashRow) int {
		return cmp.Or(cmp.Compare(a.tried(), b.tried()), cmp.Compare(kinds[a.kind()], kinds[b.kind()]),
			cmp.Compare(kinds[a.Point.When()+a.kind()], kinds[b.Point.When()+b.kind()]))
	}), false
}

// turn returns the points of a role, and whether it is ahead of others in how
// often each was tried.
func (p *plan) turn(role string) (own []*CrashRow, early bool) {
	tried, points := map[string]float64{}, map[string]float64{}
	for s, r := range p.rows {
		tried[s.role] += float64(r.tried())
		points[s.role]++
		if s.role == role {
			own = append(own, r)
		}
	}
	for other := range points {
		early = early || tried[role]/points[role] > tried[other]/points[other]+ahead
	}
	return own, early
}

// note notes how it went. What was not killed is to be killed elsewhere.
func (p *plan) note(row *CrashRow, sids []string, killed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !killed {
		row.missed++
		p.left++
		return
	}
	row.Kills++
	p.kills = append(p.kills, kill{row, sids})
}

// over returns the row of the latest kill over one of the SIDs.
func (p *plan) over(sids ...string) *CrashRow {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range slices.Backward(p.kills) {
		if slices.ContainsFunc(k.sids, func(s string) bool { return slices.Contains(sids, s) }) {
			return k.row
		}
	}
	return nil
}

// tried is how often the point was aimed at.
func (r *CrashRow) tried() int { return r.Kills + r.missed }

// kind is what kind of step it is.
func (r *CrashRow) kind() string {
	kind, _, _ := strings.Cut(r.Point.Step, " ")
	return kind
}
