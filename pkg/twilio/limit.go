package twilio

import (
	"context"
	"sync"

	"github.com/loquent/callstream/schema"
)

// limits bounds what each account has under way. Twilio itself answers 429 to
// too many concurrent requests of an account; here the bound keeps one
// account's backlog from taking all connections and workers.
type limits struct {
	perAccount int

	mu       sync.Mutex
	accounts map[string]*places // one per account seen; organizations are few, so none is ever removed
}

// places are an account's. REST requests and downloads are apart: a download
// takes minutes, the start of a recording cannot wait for one.
type places struct {
	requests  chan struct{}
	downloads chan struct{}
}

func newLimits(perAccount int) *limits {
	return &limits{perAccount: perAccount, accounts: map[string]*places{}}
}

// rest waits for a place for a REST request; release gives it back.
func (l *limits) rest(ctx context.Context, accountSID string) (release func(), err error) {
	return take(ctx, l.of(accountSID).requests)
}

// download waits for a place for a download; release gives it back.
func (l *limits) download(ctx context.Context, accountSID string) (release func(), err error) {
	return take(ctx, l.of(accountSID).downloads)
}

func (l *limits) of(accountSID string) *places {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.accounts[accountSID]
	if !ok {
		p = &places{requests: make(chan struct{}, l.perAccount), downloads: make(chan struct{}, l.perAccount)}
		l.accounts[accountSID] = p
	}
	return p
}

func take(ctx context.Context, places chan struct{}) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, schema.Errorf(schema.Unavailable, "not sent: %w", err)
	}
	select {
	case places <- struct{}{}:
		return sync.OnceFunc(func() { <-places }), nil
	case <-ctx.Done():
		return nil, schema.Errorf(schema.Unavailable, "wait for earlier requests of the account: %w", ctx.Err())
	}
}
