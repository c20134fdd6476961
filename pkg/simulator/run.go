package simulator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Progress counts what has happened, over all processes that shared the
// journal but for Retries, which counts this one's.
type Progress struct {
	Calls      int // calls to be placed in all; 0: endless
	Placed     int
	Ended      int // calls that are over; their recordings and summaries may be still to come
	Recordings int // recordings made, by whomever
	Completed  int // recordings that are ready, with audio
	Absent     int // recordings that ended without audio
	Deleted    int // recordings deleted
	Delivered  int // callbacks and events that were accepted
	Lost       int // callbacks that were not; Event Streams tells the same
	Dropped    int // events that were refused for good or for too long
	Retries    int // events sent again
	Answered   int // calls that a voice URL answered
	Misheard   int // calls whose caller heard that an application error has occurred
}

// Progress returns the counts as they stand.
func (s *Simulator) Progress() Progress {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress
	p.Calls, p.Placed, p.Recordings = s.config.Calls, len(s.calls), 0
	for _, c := range s.calls {
		if !now.Before(c.finished()) {
			p.Ended++
		}
		for _, r := range c.recordings {
			p.addRecording(r, now)
		}
		if c.voice != nil && c.voice.spoke != nil {
			p.Answered++
		}
		if c.voice != nil && len(c.voice.errors) > 0 {
			p.Misheard++
		}
	}
	p.Delivered, p.Lost, p.Dropped = s.outcomes[delivered], s.outcomes[lost], s.outcomes[dropped]
	return p
}

func (p *Progress) addRecording(r *recording, now time.Time) {
	if now.Before(r.begins) {
		return
	}
	p.Recordings++
	switch {
	case now.Before(r.ready()):
	case r.errorCode != 0:
		p.Absent++
	default:
		p.Completed++
	}
	if !r.deleted.IsZero() {
		p.Deleted++
	}
}

func (s *Simulator) count(add func(*Progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.progress)
}

// Run places the calls, plays them and delivers what Twilio would tell of
// them. It returns when all of Config.Calls were placed and every delivery is
// settled, or with ctx's error when ctx ends; what is not settled by then is
// delivered by the next Run on the same journal. Other errors are the
// journal's: without it the simulator must not go on.
func (s *Simulator) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	s.mu.Lock()
	placed, going := len(s.calls), slices.DeleteFunc(slices.Clone(s.calls), func(c *call) bool { return c.done })
	s.mu.Unlock()
	for _, c := range going {
		group.Go(func() error { return s.play(ctx, c) })
	}
	group.Go(func() error { return s.placeCalls(ctx, group, placed) })
	return group.Wait() //nolint:wrapcheck // The goroutines are this package's own.
}

// placeCalls places what is left to place, evenly at the configured rate.
func (s *Simulator) placeCalls(ctx context.Context, group *errgroup.Group, placed int) error {
	begin := time.Now()
	for i := 0; s.config.Calls == 0 || placed+i < s.config.Calls; i++ {
		due := begin.Add(time.Duration(float64(i) / s.config.Rate * float64(time.Second)))
		if !sleep(ctx, time.Until(due)) {
			return ctx.Err() //nolint:wrapcheck // Stopped, not failed.
		}
		select {
		case <-s.config.Enough:
			return nil
		default:
		}
		c, err := s.placeCall(placed + i)
		if err != nil {
			return err
		}
		group.Go(func() error { return s.play(ctx, c) })
	}
	return nil
}

func (s *Simulator) placeCall(index int) (*call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	called := s.called(newScript(s.config.Seed, index, *s.world))
	err := s.commit(entry{Call: &callEntry{
		Index: index, Seed: s.config.Seed, At: time.Now().UTC(), Speed: s.config.Speed, Faults: s.config.Faults,
		Called: called, Ours: called != nil && strings.HasPrefix(called.VoiceURL, s.config.Target+"/"),
	}})
	if err != nil {
		return nil, err
	}
	return s.calls[len(s.calls)-1], nil
}

// play lives through a call: it delivers what is known beforehand, what comes of
// answers where the call asks for them, and whatever recordings are started
// meanwhile, until all of it is settled.
func (s *Simulator) play(ctx context.Context, c *call) error {
	group, ctx := errgroup.WithContext(ctx)
	s.deliverAll(ctx, group, c, s.scriptNews(c))
	if err := s.converse(ctx, group, c); err != nil {
		return errors.Join(group.Wait(), err)
	}
	ended := time.NewTimer(time.Until(c.finished()))
	defer ended.Stop()
	for told, over := 0, false; ; {
		for _, r := range s.newRecordings(c, told, over) {
			told++
			s.deliverAll(ctx, group, c, s.recordingNews(r))
		}
		if over {
			return s.finish(c, group.Wait())
		}
		select {
		case <-c.news:
		case <-ended.C:
			over = true
		case <-ctx.Done():
			return errors.Join(group.Wait(), ctx.Err())
		}
	}
}

// finish notes that all of a call is settled, unless it ended in an error.
func (s *Simulator) finish(c *call, err error) error {
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(entry{Done: &doneEntry{Index: c.Index}})
}

// newRecordings returns the call's recordings after the first told, and closes
// the call to others once it is over.
func (s *Simulator) newRecordings(c *call, told int, over bool) []*recording {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.over = c.over || over
	return c.recordings[told:len(c.recordings):len(c.recordings)]
}

func (s *Simulator) deliverAll(ctx context.Context, group *errgroup.Group, c *call, all []news) {
	for _, d := range s.deliveries(c, all) {
		if s.isSettled(d) {
			continue
		}
		group.Go(func() error { return s.deliver(ctx, c, d) })
	}
}

func (s *Simulator) isSettled(d delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range d.ids {
		if _, ok := s.settled[id]; !ok {
			return false
		}
	}
	return true
}

// deliver waits until a delivery is due, makes it, and notes how it ended.
func (s *Simulator) deliver(ctx context.Context, c *call, d delivery) error {
	if !sleep(ctx, time.Until(d.due)) {
		return ctx.Err() //nolint:wrapcheck // Stopped, not failed.
	}
	if d.lost {
		return s.note(d, lost, "")
	}
	var again sync.WaitGroup
	if d.duplicate && d.together {
		twin := d
		twin.dice = newDice(c.Seed, d.ids[0], "twin")
		again.Go(func() { s.send(ctx, twin) })
	}
	result, got := s.send(ctx, d)
	again.Wait()
	if ctx.Err() != nil {
		return ctx.Err() //nolint:wrapcheck // Unsettled: the next process delivers it again.
	}
	if err := s.note(d, result, got.String()); err != nil {
		return err
	}
	if d.duplicate && !d.together && sleep(ctx, c.wait(time.Duration(between(d.dice, 1, 10))*time.Second)) {
		s.send(ctx, d)
	}
	return nil
}

func (s *Simulator) send(ctx context.Context, d delivery) (outcome, answer) {
	if d.events != nil {
		return s.sendEvents(ctx, d)
	}
	return s.sendCallback(ctx, d)
}

func (s *Simulator) note(d delivery, result outcome, got string) error {
	if result == delivered {
		got = ""
	}
	if result == dropped {
		s.config.Logger.Warn("twilio drops an event that was not accepted", "ids", d.ids, "answer", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(entry{Settled: &settledEntry{IDs: d.ids, Outcome: result, Answer: got, At: time.Now().UTC()}})
}
