package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/loquent/callstream/schema"
)

// result is how a request ended.
type result struct {
	status   int
	account  schema.Account      // who signed it, once that is proven
	verdicts []verdict           // what it told, once that is stored
	voice    *schema.VoiceAnswer // to a call, if one was found
	err      error               // why it was not taken, or not as it should be
}

func (i *Ingress) handler(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		res := i.receive(w, r, rt, func(ctx context.Context, d *delivery) result { return i.keep(ctx, rt, d) })
		rt.answer(w, res.status)
		i.report(r, rt, res, time.Since(began))
	}
}

// receive takes a request through all its steps until it is proven whose it is,
// and then on. What has arrived whole is taken even if the sender hangs up: a
// callback is not sent twice.
func (i *Ingress) receive(w http.ResponseWriter, r *http.Request, rt route, then func(context.Context, *delivery) result) result {
	// A sender that dribbles its body is cut off when the budget is spent; so is
	// the server, which before it refuses a request reads the rest of the body.
	// Where there is no connection, as in tests, there is nothing to cut.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(i.config.Budget))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), i.config.Budget)
	defer cancel()

	body, err := i.body(w, r)
	if err != nil {
		return result{status: bodyStatus(err), err: err}
	}
	// Only what has arrived takes a place, or those who dribble had them all.
	if !i.gate.enter() {
		return result{status: http.StatusTooManyRequests, err: errors.New("too many requests in flight")}
	}
	defer i.gate.leave()
	account, err := i.signer(ctx, r, rt, body)
	if err != nil {
		return result{status: signerStatus(err), err: err}
	}
	if !i.gate.admit(account.AccountSID) {
		return result{status: http.StatusTooManyRequests, account: account, err: errors.New("too many requests of one account in flight")}
	}
	defer i.gate.dismiss(account.AccountSID)

	res := then(ctx, &delivery{
		route: rt.path, account: account, header: r.Header, query: r.URL.Query(), body: body, now: i.config.Clock(),
	})
	res.account = account
	return res
}

// keep stores what a request tells.
func (i *Ingress) keep(ctx context.Context, rt route, d *delivery) result {
	verdicts := rt.read(d)
	if err := errors.Join(i.store(ctx, verdicts), i.noteTest(ctx, d, verdicts)); err != nil {
		return result{status: http.StatusServiceUnavailable, err: err}
	}
	return result{status: rt.done, verdicts: verdicts}
}

// body reads the whole body, which is what the signature covers.
func (i *Ingress) body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	coming := &arriving{Reader: http.MaxBytesReader(w, r.Body, i.config.MaxBody), intake: &i.intake}
	defer coming.over()
	body, err := io.ReadAll(coming)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return body, nil
}

// bodyStatus: a body that is too large stays so; one that broke off, or for
// which there was no room, may come whole the next time.
func bodyStatus(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errCrowded):
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

// store returns when the stream has acknowledged everything. Facts come before
// dead letters, which are worth less.
func (i *Ingress) store(ctx context.Context, verdicts []verdict) error {
	var events []schema.Event
	var letters []schema.DeadLetter
	for _, v := range verdicts {
		switch v.outcome {
		case stored:
			events = append(events, v.event)
		case deadLetter:
			letters = append(letters, v.letter)
		}
	}
	if len(events) > 0 {
		if err := i.config.Publisher.Publish(ctx, events...); err != nil {
			return fmt.Errorf("publish %d events: %w", len(events), err)
		}
	}
	if len(letters) > 0 {
		if err := i.config.Publisher.DeadLetter(ctx, letters...); err != nil {
			return fmt.Errorf("publish %d dead letters: %w", len(letters), err)
		}
	}
	return nil
}
