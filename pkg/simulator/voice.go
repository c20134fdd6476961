package simulator

import (
	"context"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// called is the number whose voice URL says what to do with a call; nil where
// the call goes by its script. The caller holds mu.
func (s *Simulator) called(written *script) *numberEntry {
	if !written.asks {
		return nil
	}
	n := s.numberAt(written.legs[0].to.want)
	if n == nil || n.VoiceURL == "" || n.TrunkSID != "" {
		return nil
	}
	return n
}

// converse asks how to go on with a call until that is settled, and delivers
// what Twilio tells of what comes of each answer. Nothing is to be asked of a
// call that goes by its script.
func (s *Simulator) converse(ctx context.Context, group *errgroup.Group, c *call) error {
	if c.voice == nil {
		return nil
	}
	for c.voice.next != nil {
		if !sleep(ctx, time.Until(c.moment(c.voice.next.due))) {
			return ctx.Err() //nolint:wrapcheck // Stopped, not failed.
		}
		answer := s.ask(ctx, c, *c.voice.next)
		if ctx.Err() != nil {
			return ctx.Err() //nolint:wrapcheck // Unanswered: the next process asks again.
		}
		known := s.scriptNews(c)
		if err := s.heard(answer); err != nil {
			return err
		}
		s.deliverAll(ctx, group, c, slices.DeleteFunc(s.scriptNews(c), func(n news) bool {
			return slices.ContainsFunc(known, func(k news) bool { return k.id == n.id })
		}))
	}
	return nil
}

// ask makes a request for TwiML.
func (s *Simulator) ask(ctx context.Context, c *call, q inquiry) voiceEntry {
	e := voiceEntry{CallSID: c.legs[0].sid, Asked: time.Now().UTC()}
	token := newSID(newDice(c.Seed, e.CallSID, "ask", itoa(c.voice.answers)), "")
	got := s.request(ctx, q.method, q.url, token, s.inquiryParams(c, q))
	e.At, e.Status, e.Type, e.Document = time.Now().UTC(), got.status, got.contentType, string(got.body)
	if got.err != nil {
		e.Error = got.err.Error()
	}
	return e
}

// inquiryParams are the parameters of a request for TwiML.
func (s *Simulator) inquiryParams(c *call, q inquiry) url.Values {
	params := s.callParams(c, c.legs[0], q.status, q.due)
	for _, name := range []string{"Timestamp", "CallbackSource", "CallDuration", "Duration", "SipResponseCode"} {
		params.Del(name)
	}
	for name := range q.results {
		params.Set(name, q.results.Get(name))
	}
	return params
}

// farewell is the request of an action URL after the caller hung up: nobody is
// there any more for what it answers.
func (s *Simulator) farewell(c *call) news {
	q := *c.voice.farewell
	return news{
		id: c.legs[0].sid + "/action", kind: kindCall, due: c.moment(q.due), callback: q.url, method: q.method,
		params: s.inquiryParams(c, q),
	}
}

// heard makes an answer part of what is known.
func (s *Simulator) heard(e voiceEntry) error {
	if _, err := e.twiml(); err != nil {
		s.config.Logger.Warn("a caller hears that an application error has occurred", "call_sid", e.CallSID, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commit(entry{Voice: &e})
}
